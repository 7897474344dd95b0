// The map: points on a canvas that can be moved, looked at closely, filtered and opened.
(async () => {
  "use strict";
  const canvas = document.getElementById("map");
  if (!canvas) return;
  const tip = document.getElementById("map-tip");
  const family = document.getElementById("map-family");
  const answer = await fetch(canvas.dataset.source);
  if (!answer.ok) return;
  const { points, regions, families } = await answer.json();
  const SCALE = 10000;
  const HUES = [210, 20, 130, 275, 45, 0, 180, 320, 95, 240, 160];
  const context = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const titles = new Map();
  let view = { x: 0.5, y: 0.5, zoom: 1 };
  let size = { width: 0, height: 0 };
  let hovered = null;

  // A grid of cells finds the point under a pointer without looking at all of them.
  const CELLS = Math.max(1, Math.min(200, Math.floor(Math.sqrt(points.length))));
  const grid = new Map();
  points.forEach((point, index) => {
    const key = Math.floor((point[1] / (SCALE + 1)) * CELLS) * CELLS + Math.floor((point[2] / (SCALE + 1)) * CELLS);
    (grid.get(key) ?? grid.set(key, []).get(key)).push(index);
  });

  const side = () => Math.min(size.width, size.height) * 0.96 * view.zoom;
  const toScreen = (x, y) => [
    size.width / 2 + (x / SCALE - view.x) * side() * (size.width / Math.min(size.width, size.height)) ** 0.6,
    size.height / 2 + (view.y - y / SCALE) * side(),
  ];
  const toMap = (px, py) => [
    (view.x + (px - size.width / 2) / (side() * (size.width / Math.min(size.width, size.height)) ** 0.6)) * SCALE,
    (view.y - (py - size.height / 2) / side()) * SCALE,
  ];
  const shown = (point) => !family.value || families[point[3]] === family.value;
  const colour = (number, alpha) =>
    number ? `hsla(${HUES[(number - 1) % HUES.length]}, 65%, 52%, ${alpha})` : `hsla(210, 12%, 55%, ${alpha})`;

  function draw() {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    context.clearRect(0, 0, size.width, size.height);
    const radius = Math.max(1.6, Math.min(7, (14 / Math.sqrt(points.length)) * 8 * Math.sqrt(view.zoom)));
    for (const point of points) {
      const [x, y] = toScreen(point[1], point[2]);
      if (x < -9 || y < -9 || x > size.width + 9 || y > size.height + 9) continue;
      context.fillStyle = colour(point[3], shown(point) ? 0.85 : 0.12);
      context.beginPath();
      context.arc(x, y, point === hovered ? radius + 3 : radius, 0, 7);
      context.fill();
    }
    const level = view.zoom > 2.2 ? 2 : 1;
    context.textAlign = "center";
    context.lineWidth = 4;
    context.strokeStyle = style.getPropertyValue("--paper") || (dark ? "#18202a" : "#fff");
    context.fillStyle = style.getPropertyValue("--ink");
    const taken = [];
    for (const region of [...regions].sort((a, b) => b.size - a.size)) {
      if (region.level !== level) continue;
      context.font = `600 ${level === 1 ? 15 : 13}px ${style.getPropertyValue("--sans")}`;
      const [x, y] = toScreen(region.x, region.y);
      const half = context.measureText(region.name).width / 2 + 4;
      const box = [x - half, y - 10, x + half, y + 10];
      if (taken.some((b) => box[0] < b[2] && box[2] > b[0] && box[1] < b[3] && box[3] > b[1])) continue;
      taken.push(box);
      context.strokeText(region.name, x, y + 5);
      context.fillText(region.name, x, y + 5);
    }
  }

  function resize() {
    const ratio = devicePixelRatio || 1;
    size = { width: canvas.clientWidth, height: canvas.clientHeight };
    canvas.width = size.width * ratio;
    canvas.height = size.height * ratio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw();
  }

  function nearest(px, py) {
    const [mx, my] = toMap(px, py);
    const cx = Math.floor((mx / (SCALE + 1)) * CELLS);
    const cy = Math.floor((my / (SCALE + 1)) * CELLS);
    let best = null;
    let distance = 14 ** 2;
    const reach = Math.ceil((14 / side()) * CELLS) + 1;
    for (let i = cx - reach; i <= cx + reach; i++)
      for (let j = cy - reach; j <= cy + reach; j++)
        for (const index of grid.get(i * CELLS + j) ?? []) {
          const [x, y] = toScreen(points[index][1], points[index][2]);
          const apart = (x - px) ** 2 + (y - py) ** 2;
          if (apart < distance && shown(points[index])) [best, distance] = [points[index], apart];
        }
    return best;
  }

  async function tell(point, px, py) {
    tip.hidden = !point;
    if (!point) return;
    tip.textContent = titles.get(point[0]) ?? "…";
    const half = size.width / 2;
    tip.classList.toggle("left", px > half);
    tip.classList.toggle("low", py > size.height / 2);
    if (titles.has(point[0])) return;
    titles.set(point[0], "…");
    const paper = await fetch(`/api/papers/${point[0]}`);
    titles.set(point[0], paper.ok ? (await paper.json()).title : "");
    if (hovered === point) tip.textContent = titles.get(point[0]);
  }

  function zoomBy(factor, px = size.width / 2, py = size.height / 2) {
    const [x, y] = toMap(px, py);
    const before = view.zoom;
    view.zoom = Math.max(0.8, Math.min(60, view.zoom * factor));
    const ratio = before / view.zoom;
    view.x = x / SCALE + (view.x - x / SCALE) * ratio;
    view.y = y / SCALE + (view.y - y / SCALE) * ratio;
    draw();
  }

  const pointers = new Map();
  let moved = 0;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
    moved = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) {
      const point = nearest(event.offsetX, event.offsetY);
      if (point !== hovered) {
        hovered = point;
        canvas.style.cursor = point ? "pointer" : "grab";
        tell(point, event.offsetX, event.offsetY);
        draw();
      }
      return;
    }
    const others = [...pointers].filter(([id]) => id !== event.pointerId);
    if (others.length) {
      const [ox, oy] = others[0][1];
      const apart = Math.hypot(event.offsetX - ox, event.offsetY - oy) || 1;
      const before = Math.hypot(last[0] - ox, last[1] - oy) || 1;
      zoomBy(apart / before, (event.offsetX + ox) / 2, (event.offsetY + oy) / 2);
    } else {
      const [x0, y0] = toMap(...last);
      const [x1, y1] = toMap(event.offsetX, event.offsetY);
      view.x -= (x1 - x0) / SCALE;
      view.y -= (y1 - y0) / SCALE;
      draw();
    }
    moved += Math.abs(event.offsetX - last[0]) + Math.abs(event.offsetY - last[1]);
    pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
  });
  const release = (event) => {
    if (pointers.delete(event.pointerId) && moved < 5 && event.type === "pointerup") {
      const point = nearest(event.offsetX, event.offsetY);
      if (point) location.href = `/papers/${point[0]}`;
    }
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      zoomBy(Math.exp(-event.deltaY * 0.0015), event.offsetX, event.offsetY);
    },
    { passive: false },
  );
  family.addEventListener("change", draw);
  document.getElementById("map-in").addEventListener("click", () => zoomBy(1.5));
  document.getElementById("map-out").addEventListener("click", () => zoomBy(1 / 1.5));
  document.getElementById("map-whole").addEventListener("click", () => {
    view = { x: 0.5, y: 0.5, zoom: 1 };
    draw();
  });
  new ResizeObserver(resize).observe(canvas);
  resize();
})();
