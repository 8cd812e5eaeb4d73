// The page's own JavaScript: draws the charts, keeps all choosers on one model, sorts the table.
"use strict";
{
  const parsed = (id) => JSON.parse(document.getElementById(id).textContent);
  const charts = parsed("charts");
  const tables = parsed("data");
  const views = new Map(); // element -> what vegaEmbed made of it
  const choosers = [...document.querySelectorAll(".chooser select")];
  let chosen = choosers[0].value;

  // {column: [values]} -> [{column: value}], as Vega wants it
  const rows = ([name, columns]) => {
    const names = Object.keys(columns);
    const length = names.length ? columns[names[0]].length : 0;
    return [name, Array.from({ length }, (_, row) => Object.fromEntries(names.map((key) => [key, columns[key][row]])))];
  };
  const datasets = Object.fromEntries(Object.entries(tables).map(rows));

  async function draw(place) {
    const spec = structuredClone(charts[place.dataset.chart]);
    const parameter = (spec.params ?? []).find((one) => one.name === "model");
    if (parameter) parameter.value = place.dataset.model ?? chosen;
    place.toggleAttribute("data-follows", Boolean(parameter && !place.dataset.model));
    spec.datasets = datasets;
    views.get(place)?.finalize();
    // ast: expressions are interpreted, not compiled, so the page needs no permission for `eval`
    views.set(place, await vegaEmbed(place, spec, { renderer: "svg", actions: false, ast: true }));
    if (spec.params?.some((one) => one.bind === "legend")) reach(place);
  }

  // Vega's legends know the mouse alone: a name that can be clicked is reached by Tab and pressed by Enter or Space.
  function reach(place) {
    for (const name of place.querySelectorAll("g.role-legend-label text")) {
      name.tabIndex = 0;
      name.setAttribute("role", "button");
      name.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        name.dispatchEvent(new MouseEvent("click", { bubbles: true }));
      });
    }
  }

  async function choose(model) {
    chosen = model;
    for (const chooser of choosers) chooser.value = model;
    for (const one of document.querySelectorAll("[data-chosen]")) one.textContent = model;
    for (const one of document.querySelectorAll("[data-of]")) one.hidden = one.dataset.of !== model;
    for (const one of document.querySelectorAll("[data-absent]")) one.hidden = JSON.parse(one.dataset.absent).includes(model);
    for (const place of document.querySelectorAll(".chart")) {
      if (place.closest("[hidden]")) continue;
      if (!views.has(place)) await draw(place);
      else if (place.hasAttribute("data-follows")) await views.get(place).view.signal("model", model).runAsync();
    }
  }

  // Numbers by size, else words by the alphabet; cells without a value stay last either way.
  function sort(head) {
    const row = head.parentElement;
    const column = [...row.cells].indexOf(head);
    const numbers = (value) => (value.trim() === "" || Number.isNaN(Number(value)) ? null : Number(value));
    const direction = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    const body = head.closest("table").tBodies[0];
    const order = (one) => one.cells[column].dataset.order;
    const compared = (a, b) => {
      const [left, right] = [order(a), order(b)];
      if (left === "" || right === "") return (left === "") - (right === "");
      const [x, y] = [numbers(left), numbers(right)];
      return direction * (x !== null && y !== null ? x - y : left.localeCompare(right));
    };
    body.append(...[...body.rows].sort(compared));
    for (const one of row.cells) one.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
  }

  for (const chooser of choosers) chooser.addEventListener("change", () => choose(chooser.value));
  for (const button of document.querySelectorAll(".sort")) button.addEventListener("click", () => sort(button.closest("th")));
  for (const input of document.querySelectorAll("[data-switch]")) {
    input.addEventListener("change", () => {
      for (const place of document.querySelectorAll(`[data-group="${input.dataset.switch}"]`)) {
        place.dataset.chart = input.value;
        draw(place);
      }
    });
  }

  // What is folded away is printed, but for long lists.
  let unfolded = [];
  window.addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("details:not([open], .long)")];
    for (const one of unfolded) one.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const one of unfolded) one.open = false;
  });

  choose(chosen).then(() => {
    document.body.dataset.drawn = "true";
  });
}
