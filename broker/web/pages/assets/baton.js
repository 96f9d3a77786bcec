// Light enhancement only: every page works without it.
const nhsuk = document.querySelector("script[data-nhsuk]").dataset.nhsuk;
document.body.classList.add("js-enabled", "nhsuk-frontend-supported");
import(nhsuk).then((design) => design.initAll());

// A session is over. Where something was typed the page is taken out of the document instead of left, and put back once the same person has signed in beside it.
const warning = document.getElementById("session-warning");
const idle = warning ? Number(warning.dataset.idle) * 1000 : 0;
let ends = Date.now() + idle;
let hidden = false;
let away = [];
const typed = () =>
  [...document.querySelectorAll("main form[method='post'] :is(input, textarea, select)")].some((one) => {
    if (one.type === "hidden") return false;
    if (one.matches("textarea")) return one.value.trim();
    if (one.matches("select")) return [...one.options].some((option) => option.selected !== option.defaultSelected && option.value);
    return one.checked !== one.defaultChecked || one.value !== one.defaultValue;
  });
const parts = () => document.querySelectorAll("#page, .baton-nav, .baton-header__who");
const over = () => {
  if (hidden) return;
  if (!typed()) return location.assign("/app/sign-in?ended=1");
  hidden = true;
  warning.hidden = true;
  if (listen) listen();
  away = [...parts()].map((part) => {
    const here = document.createComment("");
    part.replaceWith(here);
    return [here, part];
  });
  const cover = document.getElementById("session-over");
  cover.after(cover.content.cloneNode(true));
  document.getElementById("session-go-on").addEventListener("click", goOn);
  document.getElementById("session-over-title").focus();
};
const asked = async () => {
  const answer = await fetch("/app/who").catch(() => null);
  return answer && answer.ok && !answer.redirected ? answer.json() : null;
};
const goOn = async () => {
  const who = await asked();
  const same = who && who.who === document.body.dataset.who;
  document.getElementById("session-not-yet").textContent =
    same ? "" : who ? "Somebody else is signed in now, or you act for another team. Change that first." : "You are not signed in yet.";
  if (!same) return;
  document.getElementById("session-hidden").remove();
  for (const [here, part] of away) here.replaceWith(part);
  for (const one of document.querySelectorAll("input[name='csrf']")) one.value = who.csrf;
  warning.dataset.csrf = who.csrf;
  ends = Date.now() + who.seconds * 1000;
  hidden = false;
  if (listen) listen();
};

// Before a session ends, say so and offer to go on; asked in words, counted in minutes (WCAG 2.2, 2.2.1). A step in another tab counts too.
if (warning) {
  const before = 120000;
  const left = document.getElementById("session-left");
  const words = (ms) => (ms > 60000 ? "2 minutes" : "1 minute");
  let looked = false;
  const look = async () => {
    looked = true;
    const who = await asked();
    if (who) ends = Date.now() + who.seconds * 1000;
    looked = !who || who.seconds * 1000 <= before;
  };
  setInterval(() => {
    if (hidden) return;
    const rest = ends - Date.now();
    if (rest <= before && !looked) return look();
    if (rest <= 0) return over();
    const show = rest <= before;
    if (show && left.textContent !== words(rest)) left.textContent = words(rest);
    if (warning.hidden === show) warning.hidden = !show;
  }, 1000);
  document.getElementById("session-stay").addEventListener("click", async () => {
    const answer = await fetch("/app/stay", { method: "POST", body: new URLSearchParams({ csrf: warning.dataset.csrf }) });
    if (!answer.ok || answer.redirected) return over();
    ends = Date.now() + idle;
    looked = false;
    warning.hidden = true;
  });
}

// What happens while a page is open: the count beside the inbox, and that a colleague was quicker. Only while the page is looked at.
const live = document.body.dataset.live;
let listen = null;
if (live) {
  const list = document.querySelector("[data-open]");
  let source = null;
  const say = (words, link) => {
    const box = document.getElementById("live-changed");
    if (!box || box.dataset.words === words) return;
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
  listen = () => {
    if (document.visibilityState !== "visible" || hidden) {
      if (source) source.close();
      source = null;
    } else if (!source) {
      source = new EventSource(live);
      source.onmessage = hear;
      source.addEventListener("ended", () => {
        source.close();
        source = null;
        if (typed()) over();
        else location.assign("/app");
      });
    }
  };
  document.addEventListener("visibilitychange", listen);
  addEventListener("pagehide", () => source && source.close());
  listen();
}
