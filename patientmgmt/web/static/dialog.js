"use strict";
// Opens a form in a dialog over the page. The link leads to the same form as a page of its own,
// which is what happens without this script and whenever the form cannot be fetched.
{
  const dialog = document.getElementById("dialog");
  let openedBy = null;

  const open = async (link) => {
    const response = await fetch(link.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const form = page.getElementById("command");
    if (!response.ok || !form) throw new Error(`No form at ${link.href}`);
    openedBy = link.id;
    dialog.replaceChildren(document.adoptNode(form));
    dialog.showModal();
    (dialog.querySelector("[autofocus]") ?? dialog.querySelector("button")).focus();
  };

  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    const link = event.target.closest("a[data-dialog]");
    if (link) {
      event.preventDefault();
      open(link).catch(() => location.assign(link.href));
    } else if (event.target.closest("dialog [data-cancel]")) {
      event.preventDefault();
      dialog.close();
    } else if (event.target === dialog) {
      dialog.close();
    }
  });

  // The board may have redrawn the link meanwhile, so that it has to be found again.
  dialog.addEventListener("close", () => {
    dialog.replaceChildren();
    document.getElementById(openedBy)?.focus();
  });
}
