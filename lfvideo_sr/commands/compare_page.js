const at = id => document.getElementById(id), stage = at("stage");
let place = -1, target = 0, busy = false, playing = false, turns = 0, spot = [0.5, 0.5];

async function decoded(id, address) {
  const image = new Image();
  [image.id, image.alt, image.src] = [id, at(id).alt, address];
  await image.decode();
  return image;
}

// Both pictures, the label and the curves change at once, when both pictures are decoded. Of calls that come meanwhile
// the last one counts.
async function show(to) {
  target = Math.min(data.frames.length - 1, Math.max(0, to));
  if (busy) return;
  busy = true;
  try {
    while (place !== target) {
      const next = target, frame = data.frames[next];
      const pictures = await Promise.all([decoded("first", frame.first), decoded("second", frame.second)]);
      for (const picture of pictures) at(picture.id).replaceWith(picture);
      place = next;
      update(frame);
    }
  } finally { busy = false; }
}
function update(frame) {
  if (place === target) at("frame").value = place;
  at("label").textContent = frame.label;
  for (const head of document.querySelectorAll(".head")) {
    const svg = head.closest("svg"), first = +svg.dataset.first, last = +svg.dataset.last;
    const x = first + (last - first) * (data.count > 1 ? frame.place / (data.count - 1) : 0);
    head.setAttribute("x1", x); head.setAttribute("x2", x);
  }
  fit();
  showMatches(frame, at("second"));
  stage.dataset.frame = place;
}

function fit() { at("first").style.width = stage.clientWidth + "px"; }
function cut(percent) { at("left").style.width = at("line").style.left = percent + "%"; at("cut").value = percent; }
function within(event, element) {
  const box = element.getBoundingClientRect(), clamp = value => Math.min(1, Math.max(0, value));
  return [clamp((event.clientX - box.left) / box.width), clamp((event.clientY - box.top) / box.height)];
}
function draggable(element, moved) {
  element.addEventListener("pointerdown", event => { element.setPointerCapture(event.pointerId); moved(event); });
  element.addEventListener("pointermove", event => { if (event.buttons) moved(event); });
}
async function play(on) {
  const turn = ++turns;
  playing = on;
  at("play").textContent = on ? "Stop" : "Play";
  while (playing && turn === turns) {
    const due = performance.now() + 1000 / data.rate;
    await show((place + 1) % data.frames.length);
    await new Promise(next => setTimeout(next, Math.max(0, due - performance.now())));
  }
}

// Which reference pixel went where.
function unpacked(text, Kind) { return new Kind(Uint8Array.from(atob(text), char => char.charCodeAt(0)).buffer); }
function opened(match) {
  match.at ||= unpacked(match.positions, Uint16Array);
  match.trust ||= unpacked(match.relevance, Uint8Array);
  return match;
}
function matched(match, [x, y]) {  // fractions of the reference's sides, and the relevance there
  const [first, step] = match.places, cell = (value, axis, count) =>
    Math.min(count - 1, Math.max(0, Math.round((value - first[axis]) / step[axis])));
  const column = cell(x, 0, match.columns), row = cell(y, 1, match.rows), number = row * match.columns + column;
  const [left, top] = [first[0] + column * step[0], first[1] + row * step[1]];
  const [across, down] = [match.at[2 * number] / 65535, match.at[2 * number + 1] / 65535];
  return [across + x - left, down + y - top, match.trust[number] / 255];
}
function paint(canvas, match, size) {
  const [first, step] = match.places, moves = [];
  for (let number = 0; number < match.trust.length; number++) {
    const [column, row] = [number % match.columns, Math.floor(number / match.columns)];
    moves.push([(match.at[2 * number] / 65535 - first[0] - column * step[0]) * size[0],
      (match.at[2 * number + 1] / 65535 - first[1] - row * step[1]) * size[1]]);
  }
  const far = Math.max(1, ...moves.map(([x, y], number) => match.trust[number] > 127 ? Math.hypot(x, y) : 0));
  [canvas.width, canvas.height] = [match.columns, match.rows];
  const context = canvas.getContext("2d");
  moves.forEach(([x, y], number) => {
    const share = Math.min(1, Math.hypot(x, y) / far), hue = Math.atan2(y, x) * 180 / Math.PI;
    context.fillStyle = `hsl(${hue} ${100 * share}% ${(70 - 20 * share) * match.trust[number] / 255}%)`;
    context.fillRect(number % match.columns, Math.floor(number / match.columns), 1, 1);
  });
  return far;
}
function panel(number) {
  const figure = document.createElement("figure"), reference = data.references[number];
  figure.className = "reference";
  figure.innerHTML = '<figcaption></figcaption><div class="spot"><img alt=""><div class="cross"></div></div>';
  figure.querySelector("figcaption").textContent = `${reference.name}, ${reference.time.toFixed(2)} s`;
  figure.querySelector("img").src = reference.picture;
  return figure;
}
function showMatches(frame, second) {
  if (!data.references.length) return;
  at("matches").hidden = false;
  const result = second.cloneNode();
  result.id = "result";
  (at("result") || at("where").appendChild(new Image())).replaceWith(result);
  for (const figure of document.querySelectorAll(".reference")) figure.remove();
  for (const [number, match] of (frame.matches || []).entries()) {
    const figure = panel(match.reference);
    at("where").closest(".sources").append(figure);
    if (!match.positions) continue;
    const canvas = document.createElement("canvas"), size = data.references[match.reference].size;
    const far = paint(canvas, opened(match), size);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `match ${number + 1}`);
    figure.append(canvas, `brightest colours: ${far.toFixed(1)} pixels`);
  }
  point();
}
function point() {
  const frame = data.frames[place], figures = document.querySelectorAll(".reference");
  const inside = (share, side) => Math.min(side - 1, Math.floor(share * side));
  const pixel = ([x, y], [width, height]) => `x ${inside(x, width)}, y ${inside(y, height)}`;
  const lines = (frame.matches || []).map((match, number) => {
    const { name, size, time } = data.references[match.reference];
    const [x, y, trust] = match.positions ? matched(match, spot) : [...spot, null];
    move(figures[number].querySelector(".cross"), [x, y]);
    return `${pixel([x, y], size)} of ${name} (${time.toFixed(2)} s), ` + (trust === null ? "its own pixel" : `relevance ${trust.toFixed(2)}`);
  });
  move(at("where").querySelector(".cross"), spot);
  const none = frame.matches ? "no reference was used" : "the matches of this frame were not recorded";
  at("spot-text").textContent = `${pixel(spot, data.size)} of the result: ${lines.join("; ") || none}`;
}
function move(cross, [x, y]) { [cross.style.left, cross.style.top] = [100 * x + "%", 100 * y + "%"]; }

draggable(stage, event => cut(Math.round(100 * within(event, stage)[0])));
draggable(at("where"), event => { spot = within(event, at("where")); point(); });
at("where").addEventListener("pointermove", event => {
  if (event.pointerType === "mouse") { spot = within(event, at("where")); point(); }
});
at("cut").addEventListener("input", event => cut(event.target.value));
at("frame").addEventListener("input", event => { play(false); show(+event.target.value); });
at("play").addEventListener("click", () => play(!playing));
for (const svg of document.querySelectorAll(".plot svg")) svg.addEventListener("click", event => {
  const [first, last] = [+svg.dataset.first, +svg.dataset.last], x = within(event, svg)[0] * svg.viewBox.baseVal.width;
  const sought = (data.count - 1) * (x - first) / (last - first || 1), away = frame => Math.abs(frame.place - sought);
  play(false);
  show(data.frames.indexOf(data.frames.reduce((best, frame) => away(frame) < away(best) ? frame : best)));
});
window.addEventListener("keydown", event => {
  if (event.target.tagName === "INPUT" || event.target.tagName === "BUTTON") return;
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    event.preventDefault(); play(false); show(target + (event.key === "ArrowRight" ? 1 : -1));
  }
  if (event.key === " ") { event.preventDefault(); play(!playing); }
});
window.addEventListener("resize", fit);
at("frame").max = data.frames.length - 1;
cut(50);
show(0);
