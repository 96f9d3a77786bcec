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

// What happens while a page is open: the count beside the inbox, and that a colleague was quicker. Only while the page is looked at.
const live = document.body.dataset.live;
if (live) {
  const list = document.querySelector("[data-open]");
  let source = null;
  const say = (words, link) => {
    const box = document.getElementById("live-changed");
    if (box.dataset.words === words) return;
    box.dataset.words = words;
    box.replaceChildren();
    if (!words) return;
    const said = document.createElement("p");
    said.className = "baton-changed";
    const again = document.createElement("a");
    again.href = location.pathname.replace(/^(\/app\/(?:tasks|transfers)\/[^/]+)\/.*$/, "$1") + (list ? location.search : "");
    again.textContent = link;
    said.append(words + " ", again);
    box.append(said);
  };
  const hear = (event) => {
    const news = JSON.parse(event.data);
    const count = document.getElementById("live-open");
    const words = `(${news.open}${news.overdue ? `, ${news.overdue} overdue` : ""})`;
    if (count && count.textContent !== words) count.textContent = words;
    if (list) say(Number(list.dataset.open) === news.open ? "" : "The list has changed since you loaded it.", "Load it again");
    else say(news.changed, "Look again");
  };
  const listen = () => {
    if (document.visibilityState !== "visible") {
      if (source) source.close();
      source = null;
    } else if (!source) {
      source = new EventSource(live);
      source.onmessage = hear;
      source.addEventListener("ended", () => location.assign("/app"));
    }
  };
  document.addEventListener("visibilitychange", listen);
  addEventListener("pagehide", () => source && source.close());
  listen();
}
