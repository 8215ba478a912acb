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
document.addEventListener("htmx:load", (event) => localTimes(event.detail.elt.parentNode || document));

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
