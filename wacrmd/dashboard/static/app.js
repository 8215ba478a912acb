"use strict";
// Times in the zone of whoever looks; without this they are in UTC.
function localTimes(root) {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const at = new Date(time.dateTime);
    if (!isNaN(at)) {
      time.title = time.textContent;
      time.textContent = format.format(at);
      time.dataset.local = "";
    }
  }
}
localTimes(document);
// Before the browser draws what has changed: htmx's own event comes after it, and each update would flicker.
new MutationObserver(() => localTimes(document)).observe(document.body, { childList: true, subtree: true });

// Days are those of whoever looks.
for (const field of document.querySelectorAll("input[data-zone]")) {
  field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
}

// A page says whether it moves by itself.
for (const [name, on] of [["htmx:sseOpen", true], ["htmx:sseError", false], ["htmx:sseClose", false]]) {
  document.addEventListener(name, (event) => {
    for (const note of event.target.querySelectorAll(".live")) note.toggleAttribute("data-on", on);
  });
}

// A login link has its token behind the #, which no server and no log sees.
const link = document.querySelector("form[data-link]");
function useLink() {
  if (link && location.hash.length > 1) {
    link.elements.token.value = location.hash.slice(1);
    history.replaceState(null, "", location.pathname);
    link.requestSubmit();
  }
}
useLink();
addEventListener("hashchange", useLink);

// A local time is meant in the zone of whoever types it.
const zone = document.querySelector("select[data-zone]");
const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && zone.value === "UTC" && [...zone.options].some((option) => option.value === mine)) {
  const at = document.querySelector("input[type=datetime-local]");
  if (at.value) {
    const moment = new Date(at.value + "Z");
    const shown = new Date(moment - moment.getTimezoneOffset() * 60000);
    at.value = shown.toISOString().slice(0, 16);
  }
  zone.value = mine;
}
// A day means "At"; "Now" has none.
const day = document.querySelector("input[type=datetime-local]");
if (day) {
  day.addEventListener("input", () => { if (day.value) document.querySelector("input[name=when][value=later]").checked = true; });
  document.querySelector("input[name=when][value=now]").addEventListener("change", () => { day.value = ""; });
}

// What is typed below a box ticks it; if it is unticked, what is below it is as it was.
for (const box of document.querySelectorAll("input[data-opens]")) {
  const fields = [...box.closest("fieldset").querySelectorAll("input, select")].filter((field) => field !== box);
  for (const field of fields) field.addEventListener("input", () => { box.checked = true; });
  box.addEventListener("change", () => {
    if (box.checked) return;
    for (const field of fields) {
      if (field.type === "checkbox") field.checked = field.defaultChecked;
      else if (field.options) for (const option of field.options) option.selected = option.defaultSelected;
      else field.value = field.defaultValue;
    }
  });
}

// How far an upload is: a form alone shows nothing while a large file goes out.
document.addEventListener("htmx:xhr:progress", (event) => {
  const bar = event.target.querySelector && event.target.querySelector("progress");
  if (bar && event.detail.lengthComputable) {
    bar.hidden = false;
    bar.value = event.detail.loaded / event.detail.total;
  }
});

// A form alone leads to the browser's own page when the server cannot be reached; one that a script sends says it here.
function broken(form, on) {
  const note = form.querySelector("[data-broken]");
  const bar = form.querySelector("progress");
  if (note) note.hidden = !on;
  if (bar && on) bar.hidden = true;
}
for (const [name, on] of [["htmx:beforeRequest", false], ["htmx:sendError", true]]) {
  document.addEventListener(name, (event) => { if (event.target.matches("form")) broken(event.target, on); });
}
// A reverse proxy answers by itself when the daemon restarts, a file is above its own limit, or its login has ended. Its page
// must not take the place of a part of ours: a form says that it did not arrive, and what asks every second asks again.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { requestConfig: { elt }, xhr } = event.detail;
  const isOurs = elt.matches("form") ? xhr.responseText.includes('<main id="main">') : xhr.status === 200;
  if (isOurs) return;
  event.detail.shouldSwap = false;
  if (elt.matches("form")) broken(elt, true);
});

// What to look at first: a mistake, or what comes next. Without this, who types or listens begins at the top again.
function lookAt(element) {
  if (!element) return;
  if (element.tabIndex < 0) element.tabIndex = -1;
  element.focus();
}
const WAYS = ['[aria-invalid="true"]', '[role="alert"]:not([hidden])', "[data-next]", "h1"];
lookAt(document.querySelector(WAYS[0]));
document.addEventListener("htmx:afterSettle", (event) => {
  const main = event.detail.elt;
  if (main.id !== "main") return;
  lookAt(WAYS.map((way) => main.querySelector(way)).find((element) => element));
});

// What a menu has opened is closed by Escape, and by a click elsewhere.
const more = document.querySelector(".more details");
if (more) {
  const around = more.parentElement;
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !more.open) return;
    more.open = false;
    if (around.contains(document.activeElement)) more.querySelector("summary").focus();
  });
  document.addEventListener("click", (event) => { if (!around.contains(event.target)) more.open = false; });
}

// A secret that is shown once is copied by a click; the clipboard's own way needs https.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    document.getElementById(button.dataset.copy).select();
    document.execCommand("copy");
    button.textContent = "Copied";
  });
}
