// Light, dark, or as the system says: kept between pages, set before anything is drawn.
(function () {
  "use strict";
  var order = ["system", "light", "dark"];
  var root = document.documentElement;
  var store = { get: function () { return null; }, set: function () {} };
  try {
    var kept = window.localStorage;
    store = {
      get: function () { return kept.getItem("oceanbench-theme"); },
      set: function (value) { kept.setItem("oceanbench-theme", value); }
    };
  } catch (refused) { /* a browser that keeps nothing: the choice lasts for the page */ }
  function apply(theme) {
    root.dataset.theme = order.indexOf(theme) < 0 ? "system" : theme;
  }
  apply(store.get());
  root.classList.add("js");
  document.addEventListener("DOMContentLoaded", function () {
    var button = document.getElementById("theme");
    function say() { button.textContent = "Theme: " + root.dataset.theme; }
    document.querySelectorAll(".scripted").forEach(function (one) { one.hidden = false; });
    say();
    button.addEventListener("click", function () {
      apply(order[(order.indexOf(root.dataset.theme) + 1) % order.length]);
      store.set(root.dataset.theme);
      say();
      document.dispatchEvent(new Event("themechange"));
    });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () {
      document.dispatchEvent(new Event("themechange"));
    });
  });
})();
