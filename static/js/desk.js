// The keys of the desk: "/" finds a patient or a bed, Ctrl+Enter presses the page's main button.
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
});
