// Tables that sort (by tablesort), filters, and the choice of rows to compare.
"use strict";

if (window.Tablesort) {
  document.querySelectorAll("table.sortable").forEach((table) => new Tablesort(table));
}

document.querySelectorAll("input[data-filters]").forEach((input) => {
  const rows = [...document.querySelectorAll(`#${input.dataset.filters} [data-row]`)];
  const count = document.querySelector(`[data-counts="${input.dataset.filters}"]`);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row) => {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    });
    const shown = rows.filter((row) => !row.hidden).length;
    if (count) count.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
});

document.querySelectorAll("button[data-least]").forEach((button) => {
  const form = button.form;
  const wanted = new URLSearchParams(window.location.search).getAll("row");
  const boxes = [...form.querySelectorAll("input[name=row]")];
  boxes.forEach((box) => { box.checked = wanted.includes(box.value); });
  const update = () => {
    const chosen = boxes.filter((box) => box.checked);
    boxes.forEach((box) => box.closest("tr")?.classList.toggle("chosen", box.checked));
    button.disabled = chosen.length < Number(button.dataset.least);
    form.classList.toggle("choosing", chosen.length > 0);
  };
  form.addEventListener("change", update);
  update();
});
