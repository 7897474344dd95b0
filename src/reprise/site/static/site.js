// Small comforts; every page works without them.
(() => {
  "use strict";
  const rows = () => [...document.querySelectorAll("article.paper h2 a")];
  document.addEventListener("keydown", (event) => {
    const at = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName)) return;
    if (event.key === "/") {
      event.preventDefault();
      document.getElementById("q")?.focus();
    } else if (event.key === "j" || event.key === "k") {
      const links = rows();
      const here = links.indexOf(document.activeElement);
      const next = links[event.key === "j" ? here + 1 : Math.max(here - 1, 0)];
      next?.focus();
    }
  });
  for (const inset of document.querySelectorAll(".inset[data-scope]")) {
    const scope = document.querySelector(`input[name="scope"][value="${inset.dataset.scope}"]`);
    inset.addEventListener("input", () => (scope.checked = true));
  }
  for (const block of document.querySelectorAll("pre:not(.prose)")) {
    if (!navigator.clipboard) break;
    const button = document.createElement("button");
    button.className = "copy";
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(block.querySelector("code")?.textContent ?? block.textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    block.before(button);
  }
})();
