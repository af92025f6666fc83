"use strict";
const find = (selector, root = document) => root.querySelector(selector);
const make = (name, text, parent) => {
	const element = document.createElement(name);
	element.textContent = text;
	parent?.append(element);
	return element;
};
const text = (row, column) => {
	const cell = row.cells[column];
	return (find("summary", cell) || cell).textContent.trim();
};
const number = (shown) => {
	const plain = shown.replace(/,/g, "");
	const parts = [...plain.matchAll(/([\d.]+) (h|min|s)\b/g)];
	const size = parts.length
		? parts.reduce((sum, part) => sum + part[1] * { h: 3600, min: 60, s: 1 }[part[2]], 0)
		: parseFloat(plain.replace(/^[-<]/, ""));
	return size * ({ "-": -1, "<": 0.5 }[plain[0]] ?? 1);
};
const table = find("#package-table table");
const rows = [...table.tBodies[0].rows];
[...table.tHead.rows[0].cells].forEach((heading, column) => {
	const isNumber = table.classList.contains(`n${column + 1}`);
	const value = (shown) => shown === "-" ? null : isNumber ? number(shown) : shown.toLowerCase();
	const name = heading.textContent;
	heading.textContent = "";
	make("button", name, heading).onclick = () => {
		const before = heading.getAttribute("aria-sort");
		const descending = before ? before === "ascending" : isNumber;
		const order = descending ? "descending" : "ascending";
		find("[aria-sort]", table)?.removeAttribute("aria-sort");
		heading.setAttribute("aria-sort", order);
		find("#order").textContent = `Sorted by ${name}, ${order}.`;
		const valued = rows.map((row) => [value(text(row, column)), row]);
		const sign = descending ? -1 : 1;
		valued.sort(([a], [b]) => (a === null) - (b === null) || (a < b ? -sign : a > b ? sign : 0));
		table.tBodies[0].append(...valued.map(([, row]) => row));
	};
});
const form = make("div", "");
form.className = "q";
const input = make("input", "", make("label", "Filter packages ", form));
input.type = "search";
const found = make("output", "", form);
table.parentNode.before(form);
input.oninput = () => {
	const wanted = input.value.trim().toLowerCase();
	const shown = rows.filter((row) => !(row.hidden = !text(row, 0).toLowerCase().includes(wanted)));
	found.textContent = wanted ? `${shown.length} of ${rows.length}` : "";
};
const show = () => {
	const row = rows.find((row) => row.id && location.hash === `#${row.id}`);
	if (!row) return;
	row.hidden = false;
	find("details", row).open = true;
	row.scrollIntoView();
};
onhashchange = show;
show();
for (const chart of document.querySelectorAll("svg")) {
	const { of } = chart.dataset;
	const table = find(of ? `#${of} table` : "table", chart.closest("details>div, body"));
	const rows = table.tBodies[0].rows;
	const names = [...table.tHead.rows[0].cells].map((heading) => heading.textContent);
	const title = find("title", chart);
	chart.setAttribute("aria-label", title.textContent);
	title.remove();
	const { x, y, width, height } = chart.viewBox.baseVal;
	let tip;
	chart.onpointerleave = () => tip?.remove();
	chart.onpointermove = ({ clientX, clientY }) => {
		const box = chart.getBoundingClientRect();
		const across = x + ((clientX - box.left) / box.width) * width;
		const row = rows[Math.floor((across / (x + width)) * rows.length)];
		const line = Math.floor((y + ((clientY - box.top) / box.height) * height) / 12);
		tip?.remove();
		if (!row) return;
		let lines = names.map((name, n) => `${name}: ${text(row, n)}`).filter((line) => !line.endsWith(": "));
		if (chart.classList.contains("cal")) {
			if (line < 0 || line > 6) return;
			const rate = text(row, 1 + line);
			const date = new Date(Date.parse(text(row, 0)) + line * 864e5).toISOString();
			const shown = rate === "-" ? "not measured" : rate ? `hit rate ${rate} %` : "no build";
			lines = [`${date.slice(0, 10)}: ${shown}`];
		}
		tip = make("div", lines.join("\n"), document.body);
		tip.className = "tip";
		const most = innerWidth - tip.offsetWidth - 8;
		tip.style.left = `${Math.max(Math.min(clientX + 12, most), 0)}px`;
		tip.style.top = `${clientY + 12}px`;
	};
}
