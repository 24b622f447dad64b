"use strict";
// Copies what a button names, and reloads the first page while somebody looks at it.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  event.preventDefault();
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "check";
  setTimeout(() => { button.textContent = "content_copy"; }, 1500);
});
document.addEventListener("DOMContentLoaded", () => {
  const page = document.querySelector("[data-reload-seconds]");
  if (!page) return;
  setInterval(() => {
    if (!document.hidden && !document.querySelector("details[open]")) window.location.reload();
  }, 1000 * Number(page.dataset.reloadSeconds));
});
