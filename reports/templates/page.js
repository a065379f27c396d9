// The page reads without scripts; these add the charts, the explorable graph, the way to the evidence, and printing.
// Recorded text reaches the document through textContent and through plotly texts that Python escaped; nowhere else.
"use strict";
(() => {
  const narrow = () => window.innerWidth < 640;
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // ---- Times --------------------------------------------------------------------------------------------------

  // Recorded times are written in the zone of the page (UTC, or that of `tapio report --tz`); the reader may choose another.
  const zonePicker = document.getElementById("zone");
  const fields = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  const formats = new Map();
  const inZone = (iso) => {
    const zone = zonePicker.value;
    if (!formats.has(zone)) formats.set(zone, new Intl.DateTimeFormat("en-GB", { ...fields, timeZone: zone || undefined }));
    const date = new Date(iso.replace(/(\.\d{3})\d*/, "$1"));
    const part = Object.fromEntries(formats.get(zone).formatToParts(date).map(({ type, value }) => [type, value]));
    const millis = String(date.getUTCMilliseconds()).padStart(3, "0");
    const minutes = Math.round((Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) - date) / 60000);
    const two = (number) => String(number).padStart(2, "0");
    const offset = minutes ? `${minutes < 0 ? "-" : "+"}${two(Math.trunc(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}` : "";
    return { day: `${part.year}-${part.month}-${part.day}`, clock: `${part.hour}:${part.minute}:${part.second}.${millis}`, offset };
  };
  const showTimes = () => {
    for (const element of document.querySelectorAll("time[datetime], [data-time]")) {
      const told = element.dataset.told || element.textContent; // its form: a day, or a time of day with or without milliseconds and zone
      element.dataset.told = told;
      const { day, clock, offset } = inZone(element.dataset.time || element.dateTime);
      const [, short, zone] = /^(\d\d:\d\d:\d\d(?:\.\d{3})?)(.*)$/.exec(told) || [];
      if (short === undefined) element.textContent = day;
      else element.textContent = clock.slice(0, short.length) + (/^ UTC/.test(zone) ? ` UTC${offset}` : zone && (offset || "Z"));
    }
    for (const link of document.querySelectorAll("a.chip")) { // begins with the time of the row to which it leads
      const { clock } = inZone(document.getElementById(link.hash.slice(1)).querySelector("time").dateTime);
      link.textContent = link.textContent.replace(/^\d\d:\d\d:\d\d/, clock.slice(0, 8));
    }
  };

  // ---- Charts -------------------------------------------------------------------------------------------------

  const figures = JSON.parse(document.getElementById("figures").textContent);
  const COLOR_KEYS = new Set(["color", "fillcolor", "fgcolor", "bgcolor", "bordercolor", "gridcolor", "linecolor", "spikecolor"]);

  // A copy of the figure with the theme's values for its colour names. Only under colour keys: elsewhere it is text.
  const themed = (value, key) => {
    if (Array.isArray(value)) return value.map((item) => themed(item, key));
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, themed(item, name)]));
    }
    return COLOR_KEYS.has(key) && typeof value === "string" && value.startsWith("var(--") ? token(value.slice(4, -1)) : value;
  };

  // A copy of the figure with its times, which are UTC, in the chosen zone. Only under the keys of places: elsewhere it is text.
  const PLACE_KEYS = new Set(["x", "base", "x0", "x1", "range"]);
  const shifted = (text) => { const { day, clock } = inZone(`${text.replace(" ", "T")}Z`); return `${day} ${clock}`; };
  const zoned = (value, key) => {
    if (Array.isArray(value)) return value.map((item) => zoned(item, key));
    if (value !== null && typeof value === "object") {
      const copy = Object.fromEntries(Object.entries(value).map(([name, item]) => [name, zoned(item, name)]));
      const places = copy.base || copy.x;
      if (copy.hovertext) copy.hovertext = copy.hovertext.map((text, index) => text.replace(/\d\d:\d\d:\d\d(?=[^<]*$)/, places[index].slice(11, 19)));
      return copy;
    }
    return PLACE_KEYS.has(key) && /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/.test(value) ? shifted(value) : value;
  };

  const layoutOf = (figure, id, width) => {
    const timeline = id === "timeline";
    const small = width < 640;
    const axis = {
      gridcolor: "var(--grid)", linecolor: "var(--line-strong)", tickfont: { color: "var(--ink-2)", size: 12 }, automargin: true,
      title: { font: { color: "var(--ink-3)", size: 12 } },
    };
    const given = figure.layout;
    const yaxis = { ...axis, ...given.yaxis, title: { ...axis.title, ...(given.yaxis.title || {}) } };
    // A narrow chart has its rows' names inside, over the lines. Not as tick labels: inside ones hide those of the other axis.
    const names = timeline && small ? yaxis.ticktext.map((text, index) => ({
      text, x: 0, xref: "paper", xanchor: "left", y: yaxis.tickvals[index], yref: "y", yshift: 14, showarrow: false,
      font: { color: "var(--ink-2)", size: 11 }, bgcolor: "var(--surface)", borderpad: 0,
    })).filter((name) => name.text) : [];
    if (names.length) yaxis.showticklabels = false;
    return themed({
      ...given,
      width,
      height: timeline && small ? given.height * 1.25 : given.height,
      xaxis: { ...axis, spikecolor: "var(--line-strong)", spikethickness: 1, spikedash: "solid", ...given.xaxis, nticks: small ? 5 : width < 800 ? 7 : 10 },
      yaxis,
      annotations: [...(given.annotations || []).filter((note) => !small || note.name !== "other-root"), ...names],
      font: { family: token("--sans"), color: "var(--ink)", size: 13 },
      margin: { l: timeline && small ? 8 : 52, r: 16, t: timeline ? 34 : 16, b: 36 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      legend: { orientation: "h", y: 0, yref: "container", yanchor: "bottom", x: 0, font: { size: 12, color: "var(--ink-2)" }, itemclick: timeline ? "toggle" : "toggleothers" },
      hoverlabel: { bgcolor: "var(--surface)", bordercolor: "var(--line-strong)", font: { color: "var(--ink)", family: token("--sans"), size: 13 }, align: "left", namelength: -1 },
      dragmode: small ? false : "zoom",
    });
  };

  const draw = (element, width) => {
    const id = element.dataset.figure;
    const figure = zonePicker.value === "UTC" ? figures[id] : zoned(figures[id]);
    const box = width || element.clientWidth - 8;
    return Plotly.react(element, themed(figure.data), layoutOf(figure, id, box), { displayModeBar: false, showTips: false, typesetMath: false });
  };

  // plotly.js is in the page as compressed text: 0.5 MB, not 1.2. The policy admits what it unpacks to, and nothing else.
  const loadPlotly = async () => {
    const packed = Uint8Array.from(atob(document.getElementById("plotly").textContent), (character) => character.charCodeAt(0));
    const script = document.createElement("script");
    script.textContent = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
    document.head.append(script);
  };

  const charts = [...document.querySelectorAll("[data-figure]")];
  const drawAll = (width) => { if (window.Plotly) charts.forEach((element) => draw(element, width)); };
  const startCharts = async () => {
    try {
      if (charts.length) await loadPlotly();
    } catch (error) { // a browser from before 2023
      for (const element of charts) element.textContent = "This browser cannot unpack the charts; the lists on this page have the same events.";
    }
    drawAll();
    if (window.Plotly) charts.filter((element) => element.dataset.figure === "timeline").forEach(followClicks);
    document.documentElement.dataset.drawn = "";
  };
  startCharts();
  zonePicker.parentElement.hidden = false;
  zonePicker.addEventListener("change", () => { showTimes(); drawAll(); });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { drawAll(); });
  let lastWidth = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === lastWidth) return; // a phone's address bar comes and goes
    lastWidth = window.innerWidth;
    drawAll();
  });
  function followClicks(element) {
    element.on("plotly_click", (event) => {
      const number = event.points[0] && event.points[0].customdata;
      if (Number.isInteger(number)) reveal(document.getElementById(`s-${number}`));
    });
  }

  // ---- Causality graph ----------------------------------------------------------------------------------------

  const picture = document.querySelector(".graph-picture");
  if (picture) {
    const whole = picture.getAttribute("viewBox").split(" ").map(Number);
    const boxes = [...picture.querySelectorAll(".box")];
    const curves = [...picture.querySelectorAll(".curve")];
    const note = document.createElement("div");
    note.className = "graph-note";
    note.hidden = true;
    note.setAttribute("aria-live", "polite");
    picture.parentElement.append(note);
    let view = whole.slice();

    const show = () => picture.setAttribute("viewBox", view.join(" "));
    const fit = () => {
      view = whole.slice();
      const scale = picture.clientWidth / whole[2];
      if (scale < 0.62) { // too small to read: begin at the top, where the root cause is, and let the reader move
        const root = picture.querySelector(".box.on-chain") || boxes[0];
        const middle = root.transform.baseVal[0].matrix.e + 116;
        picture.style.maxHeight = "none"; // tall enough that sideways is the only way to move: up and down scrolls the page
        picture.style.height = `${Math.min(whole[3] * 0.8, 1400)}px`;
        view = [middle - picture.clientWidth / 0.8 / 2, whole[1], picture.clientWidth / 0.8, picture.clientHeight / 0.8];
      }
      show();
    };
    const zoom = (factor, x = view[0] + view[2] / 2, y = view[1] + view[3] / 2) => {
      const limited = Math.min(Math.max(view[2] * factor, 200), whole[2] * 3) / view[2];
      view = [x - (x - view[0]) * limited, y - (y - view[1]) * limited, view[2] * limited, view[3] * limited];
      show();
    };
    const place = (event) => {
      const box = picture.getBoundingClientRect();
      const scale = Math.max(view[2] / box.width, view[3] / box.height);
      return { x: view[0] + view[2] / 2 + (event.clientX - box.left - box.width / 2) * scale,
               y: view[1] + view[3] / 2 + (event.clientY - box.top - box.height / 2) * scale, scale };
    };

    picture.classList.add("movable");
    picture.parentElement.querySelector(".graph-tools").hidden = false;
    for (const button of picture.parentElement.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => {
        if (button.dataset.zoom === "fit") { view = whole.slice(); show(); } else zoom(button.dataset.zoom === "in" ? 0.75 : 1 / 0.75);
      });
    }
    picture.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // plain wheels scroll the page
      event.preventDefault();
      const at = place(event);
      zoom(event.deltaY < 0 ? 0.85 : 1 / 0.85, at.x, at.y);
    }, { passive: false });

    let grip = null;
    picture.addEventListener("pointerdown", (event) => {
      if (event.button === 0) grip = { x: event.clientX, y: event.clientY, view: view.slice(), scale: place(event).scale, moved: false };
    });
    window.addEventListener("pointermove", (event) => {
      if (!grip) return;
      const [dx, dy] = [event.clientX - grip.x, event.clientY - grip.y];
      if (Math.hypot(dx, dy) > 5) { grip.moved = true; picture.classList.add("moving"); }
      if (!grip.moved) return;
      view = [grip.view[0] - dx * grip.scale, grip.view[1] - dy * grip.scale, grip.view[2], grip.view[3]];
      show();
    });
    const release = () => { picture.classList.remove("moving"); setTimeout(() => { grip = null; }, 0); };
    window.addEventListener("pointerup", release);
    window.addEventListener("pointercancel", release);
    picture.addEventListener("dragstart", (event) => event.preventDefault());

    const closure = (start, from, to) => {
      const found = new Set([start]);
      for (const number of found) for (const curve of curves) if (curve.dataset[from] === number) found.add(curve.dataset[to]);
      return found;
    };
    const choose = (number) => {
      picture.classList.toggle("choosing", number !== null);
      note.hidden = number === null;
      if (number === null) { boxes.forEach((box) => box.classList.remove("chosen", "related")); return; }
      const [causes, effects] = [closure(number, "target", "source"), closure(number, "source", "target")];
      for (const box of boxes) {
        box.classList.toggle("chosen", box.dataset.symptom === number);
        box.classList.toggle("related", causes.has(box.dataset.symptom) || effects.has(box.dataset.symptom));
      }
      for (const curve of curves) {
        const { source, target } = curve.dataset;
        curve.classList.toggle("related", (causes.has(source) && causes.has(target)) || (effects.has(source) && effects.has(target)));
      }
      const row = document.getElementById(`s-${number}`);
      const title = document.createElement("p");
      title.textContent = row.querySelector(".what").textContent;
      note.replaceChildren(title, ...row.querySelector(".symptom-body").cloneNode(true).childNodes);
    };
    picture.addEventListener("click", (event) => {
      if (grip && grip.moved) { event.preventDefault(); return; }
      const box = event.target.closest(".box");
      if (box) event.preventDefault();
      choose(box ? box.dataset.symptom : null);
    });
    picture.addEventListener("keydown", (event) => {
      const box = event.target.closest(".box");
      if (event.key === "Escape") choose(null);
      if (!box) return;
      const along = { ArrowDown: ["source", "target"], ArrowUp: ["target", "source"] }[event.key];
      if (along) {
        event.preventDefault();
        const next = curves.find((curve) => curve.dataset[along[0]] === box.dataset.symptom);
        if (next) boxes.find((other) => other.dataset.symptom === next.dataset[along[1]]).focus();
      }
    });
    fit();
    window.addEventListener("beforeprint", () => { choose(null); picture.style.height = picture.style.maxHeight = ""; view = whole.slice(); show(); });
  }

  // ---- The way to what is linked ------------------------------------------------------------------------------

  function reveal(target) {
    if (!target) return;
    for (let element = target; element; element = element.parentElement) if (element.tagName === "DETAILS") element.open = true;
    const fields = target.querySelector("td details");
    if (fields) fields.open = true;
    location.hash = target.id;
    target.scrollIntoView({ block: narrow() ? "start" : "center" });
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#e-'], a[href^='#s-']");
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    reveal(document.getElementById(link.getAttribute("href").slice(1)));
  });
  if (/^#[es]-\d+$/.test(location.hash)) reveal(document.getElementById(location.hash.slice(1)));

  for (const heading of document.querySelectorAll("section[id] > h2")) {
    const anchor = document.createElement("a");
    anchor.className = "anchor";
    anchor.href = `#${heading.parentElement.id}`;
    anchor.textContent = "#";
    anchor.setAttribute("aria-label", "Link to this section");
    heading.append(" ", anchor);
  }

  // ---- Copying ------------------------------------------------------------------------------------------------

  const markdown = JSON.parse(document.getElementById("markdown").textContent);
  const copyOf = (name) => (name === "markdown" ? markdown : document.getElementById(name).textContent);
  const said = document.getElementById("said");
  for (const button of document.querySelectorAll(".copy")) {
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const text = copyOf(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(text);
      } catch { // no permission, or an old browser: the selection is what can be copied
        const area = document.createElement("textarea");
        area.value = text;
        document.body.append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
      }
      button.textContent = "Copied";
      said.textContent = "Copied"; // the button's own change is not read aloud
      setTimeout(() => { button.textContent = label; said.textContent = ""; }, 2000);
    });
  }

  const filter = document.getElementById("filter");
  if (filter) {
    const rows = [...document.querySelectorAll("#evidence-rows tbody tr")];
    const count = document.getElementById("filter-count");
    filter.closest(".filter").hidden = false;
    filter.addEventListener("input", () => {
      const wanted = filter.value.toLowerCase();
      let shown = 0;
      for (const row of rows) {
        row.hidden = !row.textContent.toLowerCase().includes(wanted);
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = wanted ? `${shown} of ${rows.length}` : "";
    });
  }

  // ---- Printing -----------------------------------------------------------------------------------------------

  window.addEventListener("beforeprint", () => {
    // What a claim rests on is in the rows; the details of each symptom and statement are for the screen.
    for (const details of document.querySelectorAll("#evidence-rows:not([open])")) {
      details.open = true;
      details.dataset.closed = "";
    }
    if (window.Plotly) for (const element of charts) draw(element, element.closest(".measures") ? 330 : 680);
  });
  window.addEventListener("afterprint", () => {
    for (const details of document.querySelectorAll("details[data-closed]")) { details.open = false; delete details.dataset.closed; }
    drawAll();
  });
})();
