"""How state machines over a real database are run: the same steps every time, and no example made smaller, which would take minutes."""

from hypothesis import HealthCheck, Phase, settings

from tests.property.effort import TIMES


def machine(*, examples: int, steps: int) -> settings:
    """So many stories of so many steps, in every run."""
    return settings(
        max_examples=examples * TIMES,
        derandomize=True,
        phases=[Phase.generate],
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
