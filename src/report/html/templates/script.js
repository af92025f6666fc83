"use strict";
(() => {
	const all = (selector, root = document) => [...root.querySelectorAll(selector)];
	const make = (name, text, parent) => {
		const element = document.createElement(name);
		element.textContent = text;
		if (parent) parent.append(element);
		return element;
	};
	const text = (row, column) => {
		const cell = row.cells[column];
		return (cell.querySelector("summary") || cell).textContent.trim();
	};
	const units = { h: 3600, min: 60, s: 1 };
	const number = (shown) => {
		const plain = shown.replace(/,/g, "");
		const parts = [...plain.matchAll(/([\d.]+) (h|min|s)\b/g)];
		const size = parts.length
			? parts.reduce((sum, part) => sum + part[1] * units[part[2]], 0)
			: parseFloat(plain.replace(/^[-<]/, ""));
		return size * (plain[0] === "-" ? -1 : plain[0] === "<" ? 0.5 : 1);
	};
	const table = document.querySelector("#package-table table");
	const headings = [...table.tHead.rows[0].cells];
	const rows = [...table.tBodies[0].rows];
	headings.forEach((heading, column) => {
		const isNumber = table.classList.contains(`n${column + 1}`);
		const value = (shown) => shown === "-" ? null : isNumber ? number(shown) : shown.toLowerCase();
		const button = make("button", heading.textContent);
		heading.replaceChildren(button);
		button.addEventListener("click", () => {
			const before = heading.getAttribute("aria-sort");
			const descending = before ? before === "ascending" : isNumber;
			headings.forEach((other) => other.removeAttribute("aria-sort"));
			heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
			const valued = rows.map((row) => [value(text(row, column)), row]);
			valued.sort(([a], [b]) => {
				if (a === null || b === null) return (a === null) - (b === null);
				return (a < b ? -1 : a > b ? 1 : 0) * (descending ? -1 : 1);
			});
			table.tBodies[0].append(...valued.map(([, row]) => row));
		});
	});
	const form = make("div", "");
	form.className = "q";
	const input = make("input", "", make("label", "Filter packages ", form));
	input.type = "search";
	const status = make("span", "", form);
	status.setAttribute("role", "status");
	table.parentNode.before(form);
	input.addEventListener("input", () => {
		const wanted = input.value.trim().toLowerCase();
		for (const row of rows) row.hidden = !text(row, 0).toLowerCase().includes(wanted);
		const shown = rows.filter((row) => !row.hidden).length;
		status.textContent = wanted ? `${shown} of ${rows.length}` : "";
	});
	const day = (monday, days) => new Date(Date.parse(monday) + days * 864e5).toISOString().slice(0, 10);
	for (const chart of all("svg")) {
		const place = chart.dataset.of ? `#${chart.dataset.of} table` : "table";
		const table = chart.closest("details>div, body").querySelector(place);
		const rows = table.tBodies[0].rows;
		const names = [...table.tHead.rows[0].cells].map((heading) => heading.textContent);
		const title = chart.querySelector("title");
		chart.setAttribute("aria-label", title.textContent);
		title.remove();
		let tip;
		const hide = () => tip?.remove();
		chart.addEventListener("pointerleave", hide);
		chart.addEventListener("pointermove", (event) => {
			const box = chart.getBoundingClientRect();
			const row = rows[Math.floor(((event.clientX - box.left) / box.width) * rows.length)];
			const line = Math.floor(((event.clientY - box.top) / box.height) * 7);
			hide();
			if (!row) return;
			let lines;
			if (chart.classList.contains("cal")) {
				const rate = text(row, 1 + line);
				const shown = rate === "-" ? "not measured" : rate ? `hit rate ${rate} %` : "no build";
				lines = [`${day(text(row, 0), line)}: ${shown}`];
			} else {
				lines = names.map((name, n) => `${name}: ${text(row, n)}`).filter((line) => !line.endsWith(": "));
			}
			tip = make("div", lines.join("\n"), document.body);
			tip.className = "tip";
			const x = Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8);
			tip.style.left = `${Math.max(x, 0)}px`;
			tip.style.top = `${event.clientY + 12}px`;
		});
	}
})();
