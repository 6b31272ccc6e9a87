"use strict";
// A second click on a form under way would send the same command twice.
{
  const buttons = () =>
    document.querySelectorAll("form[data-once] button, button[form]");
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-once]")) return;
    setTimeout(() => buttons().forEach((button) => (button.disabled = true)));
  });
  // Going back shows the page as it was left.
  addEventListener("pageshow", () =>
    buttons().forEach((button) => (button.disabled = false)),
  );
}
