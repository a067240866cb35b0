"use strict";
// The page moves: one slider over epochs, the value under the pointer, figures as files, light and dark.
const root = document.documentElement;
const figures = [...document.querySelectorAll("figure")];
const charts = figures.filter(figure => figure.querySelector("script")).map(figure => ({
  figure,
  data: JSON.parse(figure.querySelector("script").textContent),
  marks: [...figure.querySelectorAll("[data-m]")],
  label: figure.querySelector(".epoch"),
  place: 0,
}));
const epochs = [...new Set(charts.flatMap(chart => chart.data.epochs))].sort((a, b) => a - b);

// ---- epochs
function words(epoch) {
  if (Number.isInteger(epoch)) return String(epoch);
  return epoch < 1 ? String(Number(epoch.toPrecision(1))) : epoch.toFixed(1);
}
function show(epoch) {
  for (const chart of charts) {
    if (!chart.data.epochs.length) continue;
    chart.place = Math.max(0, chart.data.epochs.findLastIndex(own => own <= epoch));
    if (chart.label) chart.label.textContent = `, epoch ${words(chart.data.epochs[chart.place])}`;
    chart.marks.forEach((mark, i) => {
      for (const [key, values] of Object.entries(chart.data.marks[i].move)) {
        if (key === "text") mark.textContent = values[chart.place];
        else mark.setAttribute(key, values[chart.place]);
      }
    });
  }
}
const bar = document.getElementById("page-epochs");
const [play, slider, output] = ["button", "input", "output"].map(tag => bar.querySelector(tag));
function move() {
  const epoch = epochs[slider.value];
  output.textContent = `${words(epoch)} of ${words(epochs.at(-1))}`;
  slider.setAttribute("aria-valuetext", `epoch ${output.textContent}`);
  show(epoch);
}
if (epochs.length > 1) {
  bar.hidden = false;
  slider.max = slider.value = epochs.length - 1;
  slider.addEventListener("input", move);
  move();
  let timer = 0;
  play.addEventListener("click", () => {
    if (timer) { clearInterval(timer); timer = 0; }
    else {
      if (Number(slider.value) === epochs.length - 1) slider.value = 0;
      timer = setInterval(() => {
        slider.value = Number(slider.value) + 1;
        move();
        if (Number(slider.value) === epochs.length - 1) { clearInterval(timer); timer = 0; play.textContent = "▶"; }
      }, 900);
      move();
    }
    play.textContent = timer ? "❚❚" : "▶";
  });
}

// ---- values under the pointer: of the nearest mark, so that thin bars and points are easy to hit
const tip = document.getElementById("page-tip");
const REACH = 14;
const number = value => value.toLocaleString("en", { maximumSignificantDigits: 3 }).replace("-", "−");
const word = (own, place) => Array.isArray(own) ? own[place] : own;
function said(data, mark, place) {
  const [mean, low, high] = mark.values[Math.min(place, mark.values.length - 1)];
  if (mean === null) return "";
  const interval = low === null || high === null ? "" : ` (95 %: ${number(low)} to ${number(high)})`;
  const what = mark.at.map(own => word(own, place)).filter(Boolean).join(" · ");
  return `${what}\n${number(mean)}${data.unit ? ` ${data.unit}` : ""}${interval}`;
}
for (const chart of charts) {
  const panels = chart.figure.querySelector(".panels");
  panels.addEventListener("pointermove", event => {
    let best = REACH, found = -1;
    chart.marks.forEach((mark, i) => {
      if (!chart.data.marks[i].values.length || mark.getAttribute("visibility") === "hidden") return;
      const box = mark.getBoundingClientRect();
      const x = Math.max(box.left - event.clientX, 0, event.clientX - box.right);
      const y = Math.max(box.top - event.clientY, 0, event.clientY - box.bottom);
      const far = Math.hypot(x, y) + 1e-4 * box.width * box.height;
      if (far < best) [best, found] = [far, i];
    });
    const text = found < 0 ? "" : said(chart.data, chart.data.marks[found], chart.place);
    tip.hidden = !text;
    tip.textContent = text;
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8))}px`;
    const below = event.clientY < innerHeight - 130;
    tip.style.top = `${below ? event.clientY + 18 : event.clientY - 14 - tip.offsetHeight}px`;
  });
  panels.addEventListener("pointerleave", () => { tip.hidden = true; });
}

// ---- figures as files
const wished = matchMedia("(prefers-color-scheme: dark)");
const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : wished.matches;
const escaped = text => text.replace(/[&<>]/g, sign => `&#${sign.charCodeAt(0)};`);
function download(name, content) {
  const link = document.createElement("a");
  link.href = content instanceof Blob ? URL.createObjectURL(content) : content;
  link.download = name;
  link.click();
}
function drawing(figure) {  // one SVG of all panels, the legend and the title, as they stand on the page
  const parts = [], panels = figure.querySelector(".panels"), frame = panels.getBoundingClientRect();
  const legend = figure.querySelector(".legend"), above = 30 + (legend ? legend.offsetHeight + 8 : 0);
  const top = legend ? legend.getBoundingClientRect().top : 0;
  for (const item of legend ? legend.children : []) {
    const box = item.getBoundingClientRect(), x = box.left - frame.left, y = box.top - top + 30;
    parts.push(`<svg x="${x}" y="${y + 4}" width="12" height="12">${item.firstChild.innerHTML}</svg>`);
    parts.push(`<text x="${x + 18}" y="${y + 14}">${escaped(item.textContent)}</text>`);
  }
  for (const svg of panels.children) {
    const box = svg.getBoundingClientRect(), copy = svg.cloneNode(true);
    copy.setAttribute("x", box.left - frame.left);
    copy.setAttribute("y", box.top - frame.top + above);
    copy.setAttribute("width", box.width);
    copy.setAttribute("height", box.height);
    parts.push(new XMLSerializer().serializeToString(copy));
  }
  const style = document.getElementById("chart-style").textContent
    .replace(/light-dark\(([^,]+), ([^)]+)\)/g, dark() ? "$2" : "$1").replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const width = frame.width + 20, height = frame.height + above + 8;
  const title = escaped(figure.querySelector("figcaption b").textContent);
  const size = `width="${width}" height="${height}" viewBox="-10 0 ${width} ${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" class="chart" ${size}><style>${style}</style>` +
    `<rect x="-10" width="100%" height="100%" class="paper"/><text y="18" class="title">${title}</text>` +
    `${parts.join("")}</svg>`;
}
const address = svg => `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
async function picture(svg) {  // twice the size of the screen
  const image = new Image();
  image.src = svg;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [2 * image.naturalWidth, 2 * image.naturalHeight];
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise(done => { canvas.toBlob(done, "image/png"); });
}
function table(chart) {
  const cell = value => /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  const rows = [["epoch", ...chart.data.names, "value", "low", "high"]];
  for (const mark of chart.data.marks) {
    mark.values.forEach((value, k) => {
      const epoch = mark.values.length > 1 ? chart.data.epochs[k] : "";
      rows.push([epoch, ...mark.at.map(own => word(own, k)), ...value.map(part => part ?? "")]);
    });
  }
  return rows.map(row => row.map(value => cell(String(value))).join(",")).join("\n") + "\n";
}
function print(figure) {
  root.classList.add("one");
  figure.classList.add("chosen");
  window.print();
  root.classList.remove("one");
  figure.classList.remove("chosen");
}
for (const figure of figures) {
  const chart = charts.find(own => own.figure === figure), still = figure.querySelector("img");
  const svg = () => still ? still.src : address(drawing(figure));
  const ways = {
    SVG: () => download(`${figure.id}.svg`, svg()),
    PNG: async () => download(`${figure.id}.png`, await picture(svg())),
    PDF: () => print(figure),
  };
  if (chart && chart.data.marks.some(mark => mark.values.length))
    ways.CSV = () => download(`${figure.id}.csv`, new Blob([table(chart)], { type: "text/csv" }));
  const row = document.createElement("div");
  row.className = "save";
  for (const [form, save] of Object.entries(ways)) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = form;
    button.title = form === "PDF" ? "Print this figure alone; choose “Save as PDF”" : `Save this figure as ${form}`;
    button.addEventListener("click", save);
    row.append(button);
  }
  figure.append(row);
}

// ---- light and dark
const theme = document.getElementById("page-theme");
theme.hidden = false;
theme.textContent = dark() ? "Light" : "Dark";
theme.addEventListener("click", () => {
  root.dataset.theme = dark() ? "light" : "dark";
  theme.textContent = dark() ? "Light" : "Dark";
});
