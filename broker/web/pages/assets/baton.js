// Light enhancement only: every page works without it.
const nhsuk = document.querySelector("script[data-nhsuk]").dataset.nhsuk;
document.body.classList.add("js-enabled", "nhsuk-frontend-supported");
import(nhsuk).then((design) => design.initAll());

// Before a session ends, say so and offer to go on; asked in words, counted in minutes (WCAG 2.2, 2.2.1).
const warning = document.getElementById("session-warning");
if (warning) {
  const idle = Number(warning.dataset.idle) * 1000;
  const before = 120000;
  let last = Date.now();
  const left = document.getElementById("session-left");
  const words = (ms) => (ms > 60000 ? "2 minutes" : "1 minute");
  setInterval(() => {
    const rest = last + idle - Date.now();
    if (rest <= 0) location.assign("/app/sign-in?ended=1");
    const show = rest <= before;
    if (show && left.textContent !== words(rest)) left.textContent = words(rest);
    if (warning.hidden === show) warning.hidden = !show;
  }, 1000);
  document.getElementById("session-stay").addEventListener("click", async () => {
    const answer = await fetch("/app/stay", { method: "POST", body: new URLSearchParams({ csrf: warning.dataset.csrf }) });
    if (answer.ok && !answer.redirected) {
      last = Date.now();
      warning.hidden = true;
    } else location.assign("/app/sign-in?ended=1");
  });
}
