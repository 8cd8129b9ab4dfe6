"use strict";
// Draws the records of the JSON block. Texts of records are only ever set as text, never as HTML.
(() => {
  const started = performance.now();
  const $ = (selector, within = document) => within.querySelector(selector);
  const block = $("#data");
  const { records, classes, settings } = JSON.parse(block.textContent);
  block.remove();

  // What a box, a prediction or a record turned out to be: name, mark, and whether it is an error.
  const KINDS = {
    right: ["Right", "✓", false],
    wrong: ["Wrong prediction", "✗", true],
    label: ["Wrong label", "✗", true],
    place: ["Poor box", "✗", true],
    duplicate: ["Duplicate", "✗", true],
    background: ["Background", "✗", true],
    missed: ["Missed", "○", true],
    ignored: ["Ignored", "·", false],
    found: ["Found", "•", false],
    truth: ["Ground truth", "□", false],
    failed: ["Failed", "!", true],
  };
  const LAYERS = { detections: "d", objects: "o", proposals: "p", masks: "m", labels: "l" };

  const element = (name, className = "", text = "") => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== "") made.textContent = text;
    return made;
  };
  const number = (value) => value.toLocaleString("en");
  const scoreText = (score) => (Math.abs(score) < 1e6 ? score.toFixed(2) : score.toExponential(2));

  // --- State, which is also in the address after #, so that a view can be bookmarked.

  const isJudged = records.some((record) =>
    (record.detections && record.objects) || (record.predictions && record.label !== undefined));
  const initial = () => ({
    score: settings.score, kinds: new Set(), classes: new Set(), search: "", sort: "order",
    hide: new Set(), color: isJudged ? "kind" : "class", open: "",
  });
  let state = initial();

  function readAddress() {
    state = initial();
    const list = (text) => text.split(",").filter(Boolean).map(decodeURIComponent);
    for (const [key, value] of location.hash.slice(1).split("&").map((pair) => pair.split("="))) {
      if (value === undefined) continue;
      try {
        apply(key, value);
      } catch { /* not ours */ }
    }
    function apply(key, value) {
      if (key === "score" && Number.isFinite(Number(value))) state.score = Number(value);
      if (key === "kind") state.kinds = new Set(list(value).filter((kind) => Object.hasOwn(KINDS, kind)));
      if (key === "class") state.classes = new Set(list(value).filter((label) => Object.hasOwn(classes, label)));
      if (key === "hide") state.hide = new Set(list(value).filter((layer) => Object.hasOwn(LAYERS, layer)));
      if (["search", "sort", "color", "open"].includes(key)) {
        state[key] = decodeURIComponent(value);
      }
    }
  }

  function writeAddress() {
    const list = (set) => [...set].map(encodeURIComponent).join(",");
    const plain = initial();
    const parts = [];
    if (state.score !== plain.score) parts.push(`score=${state.score}`);
    if (state.kinds.size) parts.push(`kind=${list(state.kinds)}`);
    if (state.classes.size) parts.push(`class=${list(state.classes)}`);
    if (state.hide.size) parts.push(`hide=${list(state.hide)}`);
    for (const key of ["search", "sort", "color", "open"]) {
      if (state[key] !== plain[key]) parts.push(`${key}=${encodeURIComponent(state[key])}`);
    }
    history.replaceState(null, "", parts.length ? `#${parts.join("&")}` : location.pathname + location.search);
  }

  // --- What a record has at the current threshold.

  function itemsOf(record) {
    const items = [];
    if (record.error !== undefined) items.push({ kind: "failed", labels: [] });
    const detections = record.detections;
    for (const found of detections ?? []) {
      if (found.score >= state.score) {
        items.push({ kind: found.kind ?? "found", labels: [found.label], of: found, layer: "detections" });
      }
    }
    for (const truth of record.objects ?? []) {
      const isFound = truth.found !== undefined && truth.found >= state.score;
      const kind = !detections ? "truth" : truth.ignored ? "ignored" : isFound ? "" : "missed";
      items.push({ kind, labels: [truth.label], of: truth, layer: "objects" });
    }
    const guess = record.predictions?.[0];
    if (guess) {
      const kind = record.label === undefined ? "found" : record.label === guess.label ? "right" : "wrong";
      const labels = record.label === undefined ? [guess.label] : [guess.label, record.label];
      items.push({ kind, labels, of: guess, layer: "predictions" });
    } else if (record.label !== undefined) {
      items.push({ kind: "truth", labels: [record.label], layer: "predictions" });
    }
    return items;
  }

  const isChosen = (item) =>
    (!state.kinds.size || state.kinds.has(item.kind))
    && (!state.classes.size || item.labels.some((label) => state.classes.has(label)));

  const textOf = records.map((record) =>
    [record.id, record.image, record.label, record.text, record.error]
      .concat((record.detections ?? []).map((found) => found.label), (record.objects ?? []).map((truth) => truth.label))
      .filter((text) => text !== undefined).join("\n").toLowerCase());

  // --- Cards: light skeletons for all records, filled when they come into view.

  const list = $("#cards");
  const cards = records.map((record, index) => {
    const card = element("li", "card");
    const open = element("button");
    open.type = "button";
    open.dataset.index = index;
    open.setAttribute("aria-label", record.id || `record ${index + 1}`);
    open.append(element("div", "stage"));
    const caption = element("div", "caption");
    caption.append(element("div", "name", record.id), element("div", "about"));
    open.append(caption);
    card.append(open);
    card.record = record;
    card.index = index;
    card.items = [];
    return card;
  });
  list.append(...cards);

  const inView = new Set();
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) {
        inView.add(target);
        fill(target);
      } else {
        inView.delete(target);
      }
    }
  }, { rootMargin: "500px" });
  cards.forEach((card) => observer.observe(card));

  let version = 0;

  function fill(card) {
    if (card.version === version || card.hidden) return;
    card.version = version;
    drawStage($(".stage", card), card.record, card.items);
    const about = $(".about", card);
    about.replaceChildren(...summary(card.record, card.items));
    about.title = about.textContent;
  }

  function summary(record, items) {
    const marked = (kind, text) => {
      const made = element("span", "mark", text);
      made.style.setProperty("--kind", `var(--${kind})`);
      return made;
    };
    if (record.error !== undefined) return [marked("failed", record.error)];
    const parts = [];
    const guess = record.predictions?.[0];
    if (guess) {
      const kind = items.find((item) => item.layer === "predictions").kind;
      parts.push(marked(kind, `${KINDS[kind][1]} ${guess.label} ${scoreText(guess.score)}`));
      if (kind === "wrong") parts.push(` is ${record.label}`);
    } else if (record.label !== undefined) {
      parts.push(record.label);
    }
    const counts = {};
    for (const item of items) {
      if (item.kind && item.layer !== "predictions") counts[item.kind] = (counts[item.kind] ?? 0) + 1;
    }
    for (const [kind, count] of Object.entries(counts)) {
      if (parts.length) parts.push("  ");
      parts.push(marked(kind, `${count} ${KINDS[kind][0].toLowerCase()}`));
    }
    if (!parts.length && record.proposals) parts.push(`${record.proposals.length} proposals`);
    if (!parts.length && record.detections) parts.push("no detections");
    return parts;
  }

  // --- Drawing a record.

  // The run lengths of COCO's mask string: columns of alternating 0 and 1.
  function runsOf(text) {
    const runs = [];
    for (let at = 0; at < text.length;) {
      let value = 0, shift = 0, code;
      do {
        code = text.charCodeAt(at++) - 48;
        value |= (code & 31) << shift;
        shift += 5;
      } while (code & 32);
      if (code & 16 && shift < 32) value |= -1 << shift;
      if (runs.length > 2) value += runs[runs.length - 2];
      runs.push(value);
    }
    return runs;
  }

  function drawMasks(canvas, masks, [width, height]) {
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d");
    const picture = context.createImageData(width, height);
    for (const { mask, color } of masks) {
      const rgb = [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));
      let at = 0, inside = false;
      for (const run of runsOf(mask)) {
        const end = Math.min(at + Math.max(run, 0), width * height);
        for (; inside && at < end; at++) {
          const pixel = 4 * ((at % height) * width + Math.floor(at / height));
          picture.data.set([...rgb, 120], pixel);
        }
        at = end;
        inside = !inside;
      }
    }
    context.putImageData(picture, 0, 0);
  }

  const kindColors = {};
  const colorOf = (item) => {
    if (state.color === "class" || item.kind === "" ) return classes[item.labels[0]]?.color ?? "#888888";
    return kindColors[item.kind] ??= getComputedStyle(document.documentElement).getPropertyValue(`--${item.kind}`).trim();
  };
  const inkOn = (color) => {
    const [red, green, blue] = [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));
    return 299 * red + 587 * green + 114 * blue > 140000 ? "#16161a" : "#ffffff";
  };

  function drawStage(stage, record, items) {
    stage.replaceChildren();
    if (!record.source && !(record.size && (record.objects ?? record.detections ?? record.proposals))) {
      if (record.text !== undefined) stage.append(element("div", "words", record.text));
      else stage.append(element("div", record.error !== undefined ? "words problem" : "words",
        record.error ?? record.predictions?.map((guess) => `${guess.label} ${scoreText(guess.score)}`).join("\n") ?? ""));
      return;
    }
    const [width, height] = record.size;
    const image = element("div", "image");
    const room = stage.closest("dialog") ? (stage.clientWidth || 4) / (stage.clientHeight || 3) : 4 / 3;
    image.classList.add(width / height > room ? "wide" : "high");
    image.style.aspectRatio = `${width} / ${height}`;
    image.classList.toggle("tiny", Math.max(width, height) <= 64);
    if (record.source) {
      const picture = element("img");
      picture.alt = record.id;
      picture.src = record.source;
      image.append(picture);
    }
    const shown = (layer) => !state.hide.has(layer);
    const drawn = items.filter((item) => item.of?.box && shown(item.layer));
    const masks = drawn.filter((item) => shown("masks") && item.of.mask !== undefined
      && (item.layer === "detections" || !record.detections));
    if (masks.length && record.thumbnail) {
      const canvas = element("canvas");
      drawMasks(canvas, masks.map((item) => ({ mask: item.of.mask, color: colorOf(item) })), record.thumbnail);
      image.append(canvas);
    }
    const place = ([x1, y1, x2, y2], className) => {
      const box = element("div", `box ${className}`);
      const limit = (value) => Math.max(-20, Math.min(120, value));
      const [left, top] = [limit((100 * x1) / width), limit((100 * y1) / height)];
      box.style.left = `${left}%`;
      box.style.top = `${top}%`;
      box.style.width = `${limit((100 * x2) / width) - left}%`;
      box.style.height = `${limit((100 * y2) / height) - top}%`;
      if (x1 > 0.6 * width) box.classList.add("end");
      if (y1 < 0.08 * height) box.classList.add("top");
      if (y2 > 0.92 * height) box.classList.add("low");
      image.append(box);
      return box;
    };
    const hasBoxes = record.detections || record.objects;
    if (record.proposals && shown("proposals") && !hasBoxes) {
      record.proposals.slice().reverse().forEach((edges, index, all) => {
        const share = all.length > 1 ? index / (all.length - 1) : 1;
        place(edges, "proposal").style.setProperty("--hue", `hsl(${225 - 175 * share} 90% 55%)`);
      });
    }
    // Many labels hide the image of a card: show those of errors only.
    const isCrowded = !stage.closest("dialog") && drawn.length > 12;
    // The best detections last, on top; truth below them.
    const order = (item) => (item.layer === "objects" ? 0 : 1);
    const chosen = state.kinds.size || state.classes.size;
    for (const item of drawn.slice().reverse().sort((a, b) => order(a) - order(b))) {
      const isTruth = item.layer === "objects";
      const isPlain = isTruth && item.kind !== "missed" && item.kind !== "truth";
      const className = isPlain ? "truth" : item.kind === "missed" ? "missed" : KINDS[item.kind][2] ? "bad" : "";
      const box = place(item.of.box, className);
      const color = colorOf(item);
      box.style.setProperty("--hue", color);
      box.style.setProperty("--on", inkOn(color));
      if (chosen && !isChosen(item)) box.classList.add("dim");
      else if (shown("labels") && !isPlain && !(isCrowded && !KINDS[item.kind][2])) {
        const mark = KINDS[item.kind][1];
        const words = isTruth ? item.of.label : `${item.kind === "found" ? "" : `${mark} `}${item.of.label} ${scoreText(item.of.score)}`;
        box.append(element("span", "", words));
      }
      item.box = box;
    }
    stage.append(image);
  }

  // --- Filters.

  const possible = new Set(records.flatMap((record) => [
    ...(record.detections ?? []).map((found) => found.kind ?? "found"),
    ...(record.objects?.length ? (record.detections ? ["missed"] : ["truth"]) : []),
    ...(record.predictions?.length ? (record.label === undefined ? ["found"] : ["right", "wrong"]) : []),
    ...(record.label !== undefined && !record.predictions?.length ? ["truth"] : []),
    ...(record.error !== undefined ? ["failed"] : []),
  ]));

  const toggled = (set, value) => {
    if (!set.delete(value)) set.add(value);
    update();
  };
  const chip = (text, color) => {
    const made = element("button");
    made.type = "button";
    if (color) {
      const dot = element("span", "dot");
      dot.style.setProperty("--kind", color);
      made.append(dot);
    }
    made.append(text, element("span", "number"));
    return made;
  };

  const kindChips = Object.keys(KINDS).filter((kind) => possible.has(kind)).map((kind) => {
    const made = chip(KINDS[kind][0], `var(--${kind})`);
    made.dataset.kind = kind;
    made.addEventListener("click", () => toggled(state.kinds, kind));
    return made;
  });
  $("#kinds .chips").append(...kindChips);
  $("#kinds").hidden = !kindChips.length;

  const has = {
    detections: records.some((record) => record.detections),
    objects: records.some((record) => record.objects),
    proposals: records.some((record) => record.proposals && !record.detections && !record.objects),
    masks: records.some((record) => (record.detections ?? record.objects)?.some((item) => item.mask !== undefined)),
    labels: records.some((record) => record.detections ?? record.objects),
  };
  const layerChips = Object.keys(LAYERS).filter((layer) => has[layer]).map((layer) => {
    const made = chip(layer);
    made.dataset.layer = layer;
    made.title = `Key: ${LAYERS[layer]}`;
    made.addEventListener("click", () => toggled(state.hide, layer));
    return made;
  });
  $("#shown .chips").append(...layerChips);
  $("#shown").hidden = !layerChips.length;

  const hasAp = Object.values(classes).some(({ ap }) => Number.isFinite(ap));
  const columns = isJudged ? ["truth", "right", "wrong", ...(hasAp ? ["AP"] : [])] : ["count"];
  const head = element("tr");
  head.append(element("th", "", "class"), ...columns.map((name) => element("th", "", name)));
  $("#classes thead").append(head);
  const labels = Object.keys(classes);
  const rows = new Map(labels.map((label) => {
    const row = element("tr");
    const cell = element("td");
    const choose = element("button");
    choose.type = "button";
    const dot = element("span", "dot");
    dot.style.background = classes[label].color;
    choose.append(dot, element("span", "", label));
    choose.title = label;
    choose.addEventListener("click", () => toggled(state.classes, label));
    cell.append(choose);
    row.append(cell, ...columns.map(() => element("td")));
    return [label, row];
  }));
  $("#classes").hidden = !labels.length;

  // Slider over the scores that there are.
  const scores = records.flatMap((record) => (record.detections ?? []).map((found) => found.score));
  const [slider, field] = [$("#score"), $("#score-number")];
  const low = scores.reduce((a, b) => Math.min(a, b), 0);
  const high = scores.reduce((a, b) => Math.max(a, b), low < 0 ? low : 1);
  const step = 10 ** Math.floor(Math.log10((high - low) / 50 || 1));
  [slider.min, slider.max, slider.step] = [Math.floor(low / step) * step, Math.ceil(high / step) * step, step];
  $("#threshold").hidden = !scores.length;

  // --- Curves.

  const withCurve = labels.filter((label) => classes[label].curve?.length);
  $("#curves").hidden = !withCurve.length;

  function drawCurves() {
    if (!withCurve.length) return;
    const chosen = withCurve.filter((label) => !state.classes.size || state.classes.has(label));
    const svg = (name, attributes, text) => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
      if (text) made.textContent = text;
      return made;
    };
    const x = (recall) => 40 + 212 * recall;
    const y = (precision) => 168 - 160 * precision;
    const parts = [];
    for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
      parts.push(svg("line", { class: "grid", x1: x(0), x2: x(1), y1: y(tick), y2: y(tick) }));
      parts.push(svg("line", { class: "grid", x1: x(tick), x2: x(tick), y1: y(0), y2: y(1) }));
      parts.push(svg("text", { x: 35, y: y(tick) + 3, "text-anchor": "end" }, String(tick)));
      parts.push(svg("text", { x: x(tick), y: 181, "text-anchor": "middle" }, String(tick)));
    }
    parts.push(svg("text", { x: 146, y: 196, "text-anchor": "middle" }, "recall"));
    parts.push(svg("text", { x: 9, y: 88, "text-anchor": "middle", transform: "rotate(-90 9 88)" }, "precision"));
    for (const label of chosen.slice(0, 200)) {
      const { color, curve, ap } = classes[label];
      const points = [[0, curve[0][1]], ...curve].map(([recall, precision]) => `${x(recall).toFixed(1)},${y(precision).toFixed(1)}`);
      const path = svg("path", { d: `M${points.join("L")}`, stroke: color });
      path.append(svg("title", {}, `${label}: AP ${ap === null ? "undefined" : ap.toFixed(3)}`));
      parts.push(path);
      const at = curve.findLast((point) => point[2] >= state.score);
      if (at && chosen.length <= 30) {
        const dot = svg("circle", { cx: x(at[0]), cy: y(at[1]), r: 3.5, fill: color, stroke: "var(--panel)" });
        dot.append(svg("title", {}, `${label} at this score: precision ${at[1].toFixed(2)}, recall ${at[0].toFixed(2)}`));
        parts.push(dot);
      }
    }
    $("#curves svg").replaceChildren(...parts);
    const known = chosen.map((label) => classes[label].ap).filter((ap) => ap !== null && ap !== undefined);
    const mean = known.reduce((sum, ap) => sum + ap, 0) / known.length;
    $("#curves-note").textContent = known.length
      ? `${known.length > 1 ? `mAP of ${known.length} classes` : `AP of ${chosen[0]}`} at IoU ${settings.iou}: ${mean.toFixed(3)}. `
        + "Dots: the minimum score above."
      : "";
  }

  // --- Everything anew after a change of state.

  let shownCards = cards;

  function update() {
    version++;
    const counts = {}, perClass = new Map(labels.map((label) => [label, { truth: 0, right: 0, wrong: 0, count: 0 }]));
    const words = state.search.trim().toLowerCase();
    const found = [];
    for (const card of cards) {
      const items = itemsOf(card.record);
      card.items = items;
      for (const item of items) {
        const [label, truth] = item.labels;
        const isClass = !state.classes.size || item.labels.some((name) => state.classes.has(name));
        if (item.kind && isClass) counts[item.kind] = (counts[item.kind] ?? 0) + 1;
        const row = perClass.get(label);
        if (!row) continue;
        if (item.layer === "objects" && !item.of.ignored) row.truth++;
        else if (item.kind === "right") row.right++;
        else if (KINDS[item.kind]?.[2]) row.wrong++;
        if (item.layer === "predictions" && item.kind !== "found") perClass.get(truth ?? label).truth++;
        if (item.kind !== "" && item.kind !== "missed") row.count++;
      }
      const chosen = !(state.kinds.size || state.classes.size) || items.some(isChosen);
      card.hidden = !(chosen && (!words || textOf[card.index].includes(words)));
      if (!card.hidden) found.push(card);
      const kinds = new Set(items.map((item) => item.kind));
      card.classList.toggle("failed", kinds.has("failed"));
      card.classList.toggle("wrong", kinds.has("wrong"));
      card.classList.toggle("right", kinds.has("right") && card.record.predictions !== undefined);
    }
    sort(found);
    shownCards = found;

    for (const made of kindChips) {
      made.setAttribute("aria-pressed", state.kinds.has(made.dataset.kind));
      $(".number", made).textContent = number(counts[made.dataset.kind] ?? 0);
    }
    for (const made of layerChips) made.setAttribute("aria-pressed", !state.hide.has(made.dataset.layer));
    for (const [label, row] of rows) {
      const values = perClass.get(label);
      const texts = columns.map((name) => (name === "AP" ? classes[label].ap?.toFixed(3) ?? "–" : number(values[name])));
      row.querySelectorAll("td:not(:first-child)").forEach((cell, index) => { cell.textContent = texts[index]; });
      $("button", row).setAttribute("aria-pressed", state.classes.has(label));
    }
    if (!$("#classes tbody").childElementCount) {
      const size = (label) => perClass.get(label).truth + perClass.get(label).count;
      labels.sort((a, b) => size(b) - size(a));
      $("#classes tbody").append(...labels.map((label) => rows.get(label)));
    }
    $("#kinds .clear").hidden = !state.kinds.size;
    $("#classes .clear").hidden = !state.classes.size;
    const total = number(records.length) + (settings.left_out ? ` (of ${number(records.length + settings.left_out)})` : "");
    $("#count").textContent = `${number(found.length)} of ${total} records`;
    $("#count").dataset.shown = found.length;
    $("#nothing").hidden = found.length > 0 || !records.length;
    $("#search").value = state.search;
    $("#sort").value = state.sort;
    $("#color").value = state.color;
    slider.value = state.score;
    field.value = Number(state.score.toFixed(6));
    drawCurves();
    for (const card of inView) fill(card);
    if (large.open) showLarge();
    writeAddress();
  }

  function sort(found) {
    const errors = (card) => card.items.filter((item) => KINDS[item.kind]?.[2]).length;
    const best = (card) => Math.max(...card.items.map((item) => item.of?.score ?? -Infinity), -Infinity);
    const least = (card) => Math.min(...card.items.map((item) => item.of?.score ?? Infinity), Infinity);
    const keys = {
      errors: (card) => -errors(card),
      high: (card) => -best(card),
      low: least,
    };
    const byOrder = (a, b) => a.index - b.index;
    let compare = byOrder;
    if (state.sort === "id") {
      compare = (a, b) => (a.record.id < b.record.id ? -1 : a.record.id > b.record.id ? 1 : byOrder(a, b));
    } else if (Object.hasOwn(keys, state.sort)) {
      const values = new Map(found.map((card) => [card, keys[state.sort](card)]));
      compare = (a, b) => (values.get(a) < values.get(b) ? -1 : values.get(a) > values.get(b) ? 1 : byOrder(a, b));
    }
    found.sort(compare);
    const isInOrder = found.every((card, index) => !index
      || found[index - 1].compareDocumentPosition(card) & Node.DOCUMENT_POSITION_FOLLOWING);
    if (!isInOrder) list.append(...found);
  }

  // --- Large view.

  const large = $("#large");
  let largeCard = null;

  function openLarge(card) {
    largeCard = card;
    state.open = card.record.id;
    if (!large.open) large.showModal();
    showLarge();
    writeAddress();
  }

  function showLarge() {
    const { record, items } = largeCard;
    const at = shownCards.indexOf(largeCard);
    $("#large-title").textContent = record.id;
    $("#previous").disabled = at <= 0;
    $("#next").disabled = at < 0 || at + 1 >= shownCards.length;
    drawStage($(".stage", large), record, items);
    const details = $(".details", large);
    details.replaceChildren();
    if (record.error !== undefined) details.append(element("pre", "problem", record.error));
    if (record.text !== undefined) details.append(element("pre", "", record.text));
    const facts = element("dl");
    const fact = (name, value) => {
      if (value !== undefined) facts.append(element("dt", "", name), element("dd", "", value));
    };
    fact("class", record.label);
    fact("image", record.image === record.id ? undefined : record.image);
    fact("size", record.size && record.size.join(" × "));
    fact("proposals", record.proposals && number(record.proposals.length));
    fact("not shown", record.left_out && `${number(record.left_out)} more boxes`);
    if (facts.childElementCount) details.append(facts);
    const table = element("table");
    const line = (kind, label, score, item) => {
      const row = element("tr");
      const mark = element("td");
      const words = element("span", "mark", `${KINDS[kind][1]} ${label}`);
      words.style.setProperty("--kind", `var(--${kind})`);
      mark.append(words);
      row.append(mark, element("td", "", KINDS[kind][0].toLowerCase()),
        element("td", "", score === undefined ? "" : scoreText(score)));
      if (item?.box) {
        row.addEventListener("pointerenter", () => item.box.classList.add("lit"));
        row.addEventListener("pointerleave", () => item.box.classList.remove("lit"));
      }
      table.append(row);
    };
    record.predictions?.forEach((guess, index) => {
      const isRight = guess.label === record.label;
      const kind = record.label === undefined ? "found" : isRight ? "right" : index ? "found" : "wrong";
      line(kind, guess.label, guess.score);
    });
    for (const item of items) {
      // A found object is listed by its detection.
      if (item.of?.box && item.kind) line(item.kind, item.of.label, item.of.score, item);
    }
    if (table.childElementCount) details.append(table);
  }

  const move = (by) => {
    const card = shownCards[shownCards.indexOf(largeCard) + by];
    if (card) openLarge(card);
  };
  list.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-index]");
    if (button) openLarge(cards[Number(button.dataset.index)]);
  });
  $("#previous").addEventListener("click", () => move(-1));
  $("#next").addEventListener("click", () => move(1));
  $("#close").addEventListener("click", () => large.close());
  large.addEventListener("click", (event) => { if (event.target === large) large.close(); });
  large.addEventListener("close", () => {
    state.open = "";
    writeAddress();
    const button = largeCard && $("button", largeCard);
    button?.scrollIntoView({ block: "nearest" });
    button?.focus();
  });

  // --- Events.

  const setScore = (value) => {
    if (!Number.isFinite(value)) return;
    state.score = value;
    update();
  };
  let later = 0;
  const soon = (change) => {
    cancelAnimationFrame(later);
    later = requestAnimationFrame(change);
  };
  slider.addEventListener("input", () => soon(() => setScore(Number(slider.value))));
  field.addEventListener("change", () => setScore(Number(field.value)));
  $("#search").addEventListener("input", (event) => soon(() => { state.search = event.target.value; update(); }));
  $("#sort").addEventListener("change", (event) => { state.sort = event.target.value; update(); });
  $("#color").addEventListener("change", (event) => { state.color = event.target.value; update(); });
  $("#kinds .clear").addEventListener("click", () => { state.kinds.clear(); update(); });
  $("#classes .clear").addEventListener("click", () => { state.classes.clear(); update(); });
  const reset = () => { state = { ...initial(), open: state.open }; update(); };
  $("#reset").addEventListener("click", reset);
  $("#zoom").addEventListener("input", (event) => list.style.setProperty("--card", `${event.target.value}px`));
  const help = $("#help");
  $("#help-button").addEventListener("click", () => help.showModal());
  $("#help-close").addEventListener("click", () => help.close());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    Object.keys(kindColors).forEach((kind) => delete kindColors[kind]);
    update();
  });
  addEventListener("hashchange", () => { readAddress(); update(); });
  addEventListener("resize", () => soon(() => {
    setTop();
    if (large.open) showLarge();
  }));
  const setTop = () => document.documentElement.style.setProperty("--top", `${$("header").offsetHeight}px`);

  function moveFocus(key) {
    const at = shownCards.findIndex((card) => card.contains(document.activeElement));
    if (at < 0) return shownCards[0];
    if (key === "ArrowLeft") return shownCards[at - 1];
    if (key === "ArrowRight") return shownCards[at + 1];
    const perRow = Math.max(1, getComputedStyle(list).gridTemplateColumns.split(" ").length);
    return shownCards[at + (key === "ArrowDown" ? perRow : -perRow)];
  }

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    const isTyping = event.target.matches("input, select, textarea");
    if (isTyping) {
      if (event.key === "Escape" && event.target.id === "search") event.target.blur();
      return;
    }
    const layer = Object.keys(LAYERS).find((name) => LAYERS[name] === event.key && has[name]);
    if (event.key.startsWith("Arrow")) {
      if (large.open) {
        if (event.key === "ArrowLeft") move(-1);
        if (event.key === "ArrowRight") move(1);
        if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      } else {
        const card = moveFocus(event.key);
        if (!card) return;
        $("button", card).focus();
      }
    } else if (event.key === "/" && !large.open) $("#search").focus();
    else if (event.key === "?") help.showModal();
    else if (event.key === "0") reset();
    else if (["+", "=", "-"].includes(event.key) && scores.length) {
      setScore(Number((state.score + (event.key === "-" ? -step : step)).toFixed(9)));
    } else if (layer) toggled(state.hide, layer);
    else return;
    event.preventDefault();
  });

  // --- Start.

  $("#title").textContent = document.title || "Records";
  $("#title").title = document.title;
  setTop();
  readAddress();
  const toOpen = state.open;
  update();
  const openAtStart = toOpen && cards.find((card) => card.record.id === toOpen);
  if (openAtStart) openLarge(openAtStart);
  // Milliseconds until the page could be used: for those who measure it.
  document.documentElement.dataset.ready = Math.round(performance.now());
  document.documentElement.dataset.script = Math.round(performance.now() - started);
})();
