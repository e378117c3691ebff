// The keys of the desk: "/" finds a patient or a bed, j and k walk through the rows of a table, Ctrl+Enter presses
// the page's main button.
addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox], [type=radio]), select, textarea");
  const find = document.getElementById("find");
  if (event.key === "/" && find && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    find.focus();
  }
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const main = document.querySelector("[data-main]");
    if (main) {
      event.preventDefault();
      main.click();
    }
  }
  if ((event.key === "j" || event.key === "k") && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const rows = [...document.querySelectorAll("[data-rows] tbody tr")].filter((row) => row.querySelector("a"));
    const now = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[now < 0 ? 0 : now + (event.key === "j" ? 1 : -1)];
    if (next) {
      event.preventDefault();
      rows.forEach((row) => row.toggleAttribute("aria-selected", false));
      next.setAttribute("aria-selected", "true");
      next.querySelector("a").focus();
    }
  }
});
