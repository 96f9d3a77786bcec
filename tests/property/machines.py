"""How state machines over a real database are run: the same steps every time, and no example made smaller, which would take minutes."""

from hypothesis import HealthCheck, Phase, settings


def machine(*, examples: int, steps: int) -> settings:
    """So many stories of so many steps."""
    return settings(
        max_examples=examples,
        derandomize=True,
        phases=[Phase.generate],
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
