/**
 * Draws the charts of a report. Runs in the page, from the data that lies in it;
 * everything that it shows stands in tables beside it too.
 */
/* global uPlot, document, window, getComputedStyle, matchMedia, ResizeObserver, devicePixelRatio */
(() => {
  const data = JSON.parse(document.getElementById("charts").textContent);
  const root = document.documentElement;
  const drawn = [];

  /** A colour of the style sheet as it is now: `rgb(...)`. */
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const ink = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };

  // Numbers as the tables write them.
  const digits = (value) => {
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e6) return `${trim(value / 1e6)} M`;
    if (size >= 1e4) return `${trim(value / 1e3)} k`;
    if (size < 1e-3) return value.toExponential(1);
    return trim(value);
  };
  const trim = (value) => String(Number(value.toPrecision(3)));
  const percent = (value) => `${trim(100 * value)} %`;
  /** 1 - y is the share of answers: 0.001 left over is 99.9 %. */
  const within = (left) => {
    const nines = Math.max(0, Math.round(-Math.log10(left)) - 2);
    return `${(100 * (1 - left)).toFixed(nines)} %`;
  };
  const FORMATS = { number: digits, percent, within, plain: String };

  function axis(spec, side) {
    return {
      side,
      stroke: ink("faint"),
      font: "12px system-ui, sans-serif",
      labelFont: "12px system-ui, sans-serif",
      label: spec.label,
      labelSize: 22,
      size: side === 3 ? 58 : 26,
      gap: 6,
      grid: { stroke: ink("grid"), width: 1, filter: shown(spec, side) },
      ticks: { show: false },
      space: side === 3 ? 34 : 56,
      filter: shown(spec, side),
      values: (_, splits) =>
        splits.map((value) => (value === null ? "" : FORMATS[spec.format](value))),
    };
  }

  /** Of a logarithmic axis the powers of ten; of a short one 2 and 5 as well, where they find room. */
  const shown = (spec, side) => (plot, splits) => {
    if (!spec.log) return splits;
    const { width, height } = plot.bbox;
    const room = side === 3 ? height / (18 * devicePixelRatio) : width / (46 * devicePixelRatio);
    const leads = splits.map(leadOf);
    const dense = spec.short && leads.filter((lead) => [1, 2, 5].includes(lead)).length <= room;
    return splits.map((value, at) =>
      (dense ? [1, 2, 5] : [1]).includes(leads[at]) ? value : null,
    );
  };

  /** First digit. */
  function leadOf(value) {
    return Math.round(value / 10 ** Math.floor(Math.log10(value) + 1e-9));
  }

  function scale(spec) {
    return {
      time: false,
      distr: spec.log ? 3 : 1,
      ...(spec.min === undefined ? {} : { range: () => [spec.min, spec.max] }),
    };
  }

  function build(box, chart) {
    const holder = box.querySelector(".plot");
    const series = chart.series.map((one) => ({
      label: one.name,
      stroke: one.colour ? ink(one.colour) : "transparent",
      width: one.colour ? 2 : 0,
      dash: one.dashed ? [6, 5] : undefined,
      spanGaps: true,
      points: {
        show: one.points === true,
        size: 7,
        fill: one.colour ? ink(one.colour) : undefined,
      },
      ...(one.steps ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
      ...(one.noLine ? { paths: () => null } : {}),
    }));
    const options = {
      width: holder.clientWidth,
      height: holder.clientHeight,
      padding: [10, 24, 0, 0],
      cursor: { drag: { x: false, y: false }, points: { size: 8 }, y: false },
      legend: { show: false },
      scales: { x: scale(chart.x), y: scale(chart.y) },
      axes: [axis(chart.x, 2), axis(chart.y, 3)],
      series: [{ label: chart.x.label }, ...series],
      bands: (chart.bands ?? []).map(([high, low]) => ({
        series: [high, low],
        fill: ink("band"),
      })),
      hooks: {
        draw: [
          (plot) => {
            for (const mark of chart.marks ?? []) drawMark(plot, mark);
            for (const bar of chart.bars ?? []) drawBars(plot, bar);
          },
        ],
        setCursor: [(plot) => read(box, chart, plot)],
      },
    };
    holder.replaceChildren();
    return new uPlot(options, chart.data, holder);
  }

  /** A vertical or horizontal line with a word on it. */
  function drawMark(plot, mark) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = ink(mark.colour ?? "s2");
    ctx.fillStyle = ink(mark.colour ?? "s2");
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.beginPath();
    if (mark.x !== undefined) {
      const x = plot.valToPos(mark.x, "x", true);
      if (x < bbox.left || x > bbox.left + bbox.width) return ctx.restore();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const right = x < bbox.left + bbox.width * 0.7;
      ctx.textAlign = right ? "left" : "right";
      word(
        ctx,
        mark.text,
        x + (right ? 6 : -6) * devicePixelRatio,
        mark.low
          ? bbox.top + bbox.height - (8 + 16 * (mark.row ?? 0)) * devicePixelRatio
          : bbox.top + 14 * devicePixelRatio,
      );
    } else {
      const y = plot.valToPos(mark.y, "y", true);
      if (y < bbox.top || y > bbox.top + bbox.height) return ctx.restore();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
      ctx.textAlign = "right";
      word(ctx, mark.text, bbox.left + bbox.width - 6 * devicePixelRatio, y - 7 * devicePixelRatio);
    }
    ctx.restore();
  }

  /** With a rim in the colour of the paper, so that it can be read across lines. */
  function word(ctx, text, x, y) {
    ctx.setLineDash([]);
    ctx.lineWidth = 4 * devicePixelRatio;
    ctx.lineJoin = "round";
    ctx.strokeStyle = ink("card");
    ctx.strokeText(text, x, y);
    ctx.fillText(text, x, y);
  }

  /** Error bars: from series `low` to series `high` at every x, and the width of the bin. */
  function drawBars(plot, bar) {
    const { ctx } = plot;
    const xs = plot.data[0];
    ctx.save();
    ctx.strokeStyle = ink(bar.colour);
    ctx.lineWidth = 1.5 * devicePixelRatio;
    xs.forEach((x, at) => {
      const low = plot.data[bar.low][at];
      const high = plot.data[bar.high][at];
      if (low == null || high == null) return;
      const left = plot.valToPos(x, "x", true);
      ctx.beginPath();
      ctx.moveTo(left, plot.valToPos(low, "y", true));
      ctx.lineTo(left, plot.valToPos(high, "y", true));
      if (bar.from) {
        const y = plot.valToPos(plot.data[bar.value][at], "y", true);
        ctx.moveTo(plot.valToPos(bar.from[at], "x", true), y);
        ctx.lineTo(plot.valToPos(bar.to[at], "x", true), y);
      }
      ctx.stroke();
    });
    ctx.restore();
  }

  function read(box, chart, plot) {
    const out = box.querySelector(".readout");
    const at = plot.cursor.idx;
    if (at == null || plot.cursor.left < 0) {
      out.textContent = out.dataset.rest;
      return;
    }
    const words = [`${chart.x.label}: ${FORMATS[chart.x.format](plot.data[0][at])}`];
    chart.series.forEach((one, index) => {
      const value = plot.data[index + 1][at];
      if (value != null && one.name) words.push(`${one.name}: ${FORMATS[chart.y.format](value)}`);
    });
    out.textContent = words.join("   ·   ");
  }

  /** Arrow keys move along the curve, as the mouse does. */
  function keys(box, get) {
    const holder = box.querySelector(".plot");
    holder.addEventListener("keydown", (event) => {
      const plot = get();
      const last = plot.data[0].length - 1;
      const at = plot.cursor.idx ?? -1;
      const to = {
        ArrowRight: Math.min(at + 1, last),
        ArrowLeft: Math.max(at - 1, 0),
        Home: 0,
        End: last,
      }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const y = plot.data.slice(1).find((values) => values[to] != null)?.[to];
      plot.setCursor({
        left: plot.valToPos(plot.data[0][to], "x"),
        top: y === undefined ? 0 : plot.valToPos(y, "y"),
      });
    });
    holder.addEventListener("blur", () => get().setCursor({ left: -10, top: -10 }));
  }

  // ------------------------------------------------------------------ strips

  function mix(share) {
    const stops = ["heat0", "heat1", "heat2", "heat3"].map((name) => rgb(ink(name)));
    const at = Math.min(0.9999, Math.max(0, share)) * (stops.length - 1);
    const low = stops[Math.floor(at)];
    const high = stops[Math.floor(at) + 1];
    const part = at - Math.floor(at);
    return low.map((value, index) => Math.round(value + (high[index] - value) * part));
  }

  function rgb(colour) {
    return colour
      .match(/[\d.]+/g)
      .slice(0, 3)
      .map(Number);
  }

  function strip(box, spec) {
    for (const layer of spec.layers) {
      const canvas = box.querySelector(`canvas[data-layer="${layer.id}"]`);
      const slots = spec.slots;
      canvas.width = slots;
      canvas.height = 1;
      const context = canvas.getContext("2d");
      const image = context.createImageData(slots, 1);
      const empty = rgb(ink("paper"));
      for (let bx = 0; bx < slots; bx++) {
        const value = layer.values[bx];
        const span = layer.max - layer.min || 1;
        const [r, g, b] = value == null ? empty : mix(0.08 + (0.92 * (value - layer.min)) / span);
        image.data.set([r, g, b, value == null ? 0 : 255], bx * 4);
      }
      context.putImageData(image, 0, 0);
    }
    const out = box.querySelector(".readout");
    const tell = (bx) => {
      const words = [`BX ${bx}`];
      for (const layer of spec.layers) {
        const value = layer.values[bx];
        const told = value == null ? "no collision" : FORMATS[layer.format](value) + layer.unit;
        words.push(`${layer.name}: ${told}`);
      }
      out.textContent = words.join("   ·   ");
    };
    if (box.dataset.bound) return;
    box.dataset.bound = "yes";
    let at = 0;
    const area = box.querySelector(".rows");
    area.addEventListener("mousemove", (event) => {
      const bounds = area.getBoundingClientRect();
      at = Math.min(
        spec.slots - 1,
        Math.max(0, Math.floor(((event.clientX - bounds.left) / bounds.width) * spec.slots)),
      );
      tell(at);
    });
    area.addEventListener("mouseleave", () => {
      out.textContent = out.dataset.rest;
    });
    area.addEventListener("keydown", (event) => {
      const step = event.shiftKey ? 100 : 1;
      const to = { ArrowRight: at + step, ArrowLeft: at - step, Home: 0, End: spec.slots - 1 }[
        event.key
      ];
      if (to === undefined) return;
      event.preventDefault();
      at = Math.min(spec.slots - 1, Math.max(0, to));
      tell(at);
    });
  }

  // ------------------------------------------------------------------- begin

  function drawAll() {
    for (const entry of drawn) {
      entry.plot?.destroy();
      if (entry.chart.kind === "strip") strip(entry.box, entry.chart);
      else entry.plot = build(entry.box, entry.chart);
    }
  }

  for (const [id, chart] of Object.entries(data)) {
    const box = document.getElementById(id);
    if (box === null) continue;
    const entry = { box, chart, plot: undefined };
    drawn.push(entry);
    if (chart.kind !== "strip") keys(box, () => entry.plot);
  }
  drawAll();

  let width = window.innerWidth;
  new ResizeObserver(() => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    for (const { plot, box } of drawn) {
      const holder = box.querySelector(".plot");
      plot?.setSize({ width: holder.clientWidth, height: holder.clientHeight });
    }
  }).observe(document.body);

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const button = document.querySelector("button.theme");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const name = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`);
  };
  button.hidden = false;
  name();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    name();
    drawAll();
  });
  // Paper is light: browsers leave dark backgrounds out, and light ink on white cannot be read.
  let before;
  window.addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    root.dataset.theme = "light";
    drawAll();
  });
  window.addEventListener("afterprint", () => {
    if (before === undefined) delete root.dataset.theme;
    else root.dataset.theme = before;
    drawAll();
  });
  dark.addEventListener("change", () => {
    name();
    drawAll();
  });
})();
