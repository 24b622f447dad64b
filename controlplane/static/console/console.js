"use strict";
// Copies what a button names, and reloads a page that shows how things go while somebody looks at it.
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
    const typed = [...document.querySelectorAll("input.c-input")].some((field) => field.value || field === document.activeElement);
    if (!document.hidden && !typed && !document.querySelector("details[open]")) window.location.reload();
  }, 1000 * Number(page.dataset.reloadSeconds));
});
