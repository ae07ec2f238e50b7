// Live advice: when answers change, fetch the panel, show it, and keep the address in step.
// Without this script the form's button does the same.

const form = document.querySelector("form[data-live]");
const panel = document.querySelector("#advice");
const status = document.querySelector("#advice-status");

const TYPING_PAUSE_MS = 350;
let timer;
let running;

function address() {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (String(value).trim() !== "") query.append(name, value);
  }
  const text = query.toString();
  return text === "" ? form.action : `${form.action}?${text}`;
}

async function update() {
  running?.abort();
  const mine = (running = new AbortController());
  const url = address();
  history.replaceState(null, "", url);
  panel.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(url, { headers: { "X-Fragment": "panel" }, signal: mine.signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.querySelector("#advice");
    if (!fresh) throw new Error(`the server answered ${response.status}`);
    const folds = () => [...panel.querySelectorAll("details")];
    const open = folds().map((fold) => fold.open);
    panel.replaceChildren(...fresh.childNodes);
    folds().forEach((fold, at) => (fold.open ||= open[at] ?? false));
    say(panel.querySelector(".headline")?.textContent ?? "");
  } catch (error) {
    if (error.name === "AbortError") return;
    say("The advice could not be updated. Use the button “Update advice” to try again.");
  } finally {
    if (running === mine) panel.removeAttribute("aria-busy");
  }
}

function say(text) {
  if (status.textContent !== text) status.textContent = text;
}

// "Don't know" and an answer exclude each other, also where both are tick boxes or text.
function settle(target) {
  const question = target.closest("fieldset");
  const unsure = question?.querySelector("input[type=checkbox][value=unknown]");
  if (!unsure) return;
  const others = question.querySelectorAll(`[name="${CSS.escape(unsure.name)}"]:not([value=unknown])`);
  if (target === unsure && unsure.checked) {
    for (const other of others) {
      if (other.type === "checkbox") other.checked = false;
      else other.value = "";
    }
  } else if (target !== unsure && (target.type !== "checkbox" || target.checked) && target.value !== "") {
    unsure.checked = false;
  }
}

if (form && panel && status) {
  form.addEventListener("input", (event) => {
    settle(event.target);
    clearTimeout(timer);
    timer = setTimeout(update, event.target.type === "text" ? TYPING_PAUSE_MS : 0);
  });
  // A link in the panel may lead to a question that is folded away.
  panel.addEventListener("click", (event) => {
    const hash = event.target.closest?.("a[href^='#']")?.hash;
    const target = hash && document.getElementById(decodeURIComponent(hash.slice(1)));
    if (!target) return;
    event.preventDefault();
    const fold = target.closest("details");
    if (fold) fold.open = true;
    const input = target.matches("input") ? target : target.querySelector("input");
    input?.focus({ preventScroll: true });
    target.scrollIntoView({ block: target === fold ? "start" : "center" });
  });
}

// After a faulty form, the summary of its faults is where to begin.
document.querySelector(".problems")?.focus();

for (const button of document.querySelectorAll("button[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// The page of a run follows it; without this script its link "Look how far it is" does.
const live = document.querySelector("#live");
const liveStatus = document.querySelector("#live-status");

function follow(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("#live");
  if (!fresh) return;
  if (fresh.dataset.say !== live.dataset.say) liveStatus.textContent = fresh.dataset.say;
  else if (liveStatus.dataset.lost) liveStatus.textContent = "";
  delete liveStatus.dataset.lost;
  live.dataset.say = fresh.dataset.say;
  if (fresh.dataset.key !== live.dataset.key) {
    // Another stage: everything changes, and the button that had the focus is gone.
    const focused = live.contains(document.activeElement);
    live.dataset.key = fresh.dataset.key;
    live.replaceChildren(...fresh.childNodes);
    if (focused) live.focus({ preventScroll: true });
    return;
  }
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const shown = live.querySelector(`[data-part="${part.dataset.part}"]`);
    if (shown && shown.innerHTML !== part.innerHTML) shown.replaceChildren(...part.childNodes);
  }
}

if (live && liveStatus) {
  let source;
  const connect = () => {
    source?.close();
    source = new EventSource(live.dataset.events ?? "/evidence/live/events");
    source.onmessage = (event) => follow(event.data);
    source.onerror = () => {
      liveStatus.dataset.lost = "yes";
      liveStatus.textContent = "The connection to assay is lost. This page catches up when it is back.";
    };
  };
  // A page nobody looks at needs no connection; the first event brings it up to date again.
  document.addEventListener("visibilitychange", () => (document.hidden ? source?.close() : connect()));
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && connect());
  if (!document.hidden) connect();
}

// A long text can be filled in from a file; its form takes the text either way.
for (const input of document.querySelectorAll("input[type=file][data-into]")) {
  input.hidden = false;
  input.addEventListener("change", async () => {
    if (input.files[0]) document.getElementById(input.dataset.into).value = await input.files[0].text();
  });
}

// A fault of a text leads to its line.
for (const link of document.querySelectorAll("a[data-line]")) {
  link.addEventListener("click", (event) => {
    const area = document.querySelector(link.hash);
    const line = Number(link.dataset.line);
    const lines = area.value.split("\n");
    const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    event.preventDefault();
    area.focus();
    area.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
    area.scrollTop = ((line - 3) * area.scrollHeight) / lines.length;
  });
}

// A link to something folded unfolds it.
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.matches?.("details")) target.open = true;
}
addEventListener("hashchange", unfold);
unfold();
