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
	const value = (shown) => {
		if (shown === "-" || shown === "") return null;
		const plain = shown.replace(/^[↑↓→] /, "").replace(/,/g, "");
		const parts = [...plain.matchAll(/([\d.]+) (h|min|s)\b/g)];
		if (parts.length) {
			const seconds = parts.reduce((sum, part) => sum + part[1] * units[part[2]], 0);
			return plain[0] === "-" ? -seconds : plain[0] === "<" ? seconds / 2 : seconds;
		}
		return /^[\d.]+( %)?$/.test(plain) ? parseFloat(plain) : shown.toLowerCase();
	};
	const sort = (table, column, descending) => {
		const body = table.tBodies[0];
		const rows = [...body.rows].map((row) => [value(text(row, column)), row]);
		rows.sort(([a], [b]) => {
			if (a === null || b === null) return (a === null) - (b === null);
			return (a < b ? -1 : a > b ? 1 : 0) * (descending ? -1 : 1);
		});
		body.append(...rows.map(([, row]) => row));
	};
	for (const table of all(".pk")) {
		const headings = [...table.tHead.rows[0].cells];
		headings.forEach((heading, column) => {
			const button = make("button", heading.textContent);
			heading.replaceChildren(button);
			button.addEventListener("click", () => {
				const isNumber = table.classList.contains(`n${column + 1}`);
				const before = heading.getAttribute("aria-sort");
				const descending = before ? before === "ascending" : isNumber;
				headings.forEach((other) => other.removeAttribute("aria-sort"));
				heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
				sort(table, column, descending);
			});
		});
		const form = make("div", "");
		form.className = "q";
		const label = make("label", "Filter ", form);
		const input = make("input", "", label);
		input.type = "search";
		const status = make("span", "", form);
		status.setAttribute("role", "status");
		table.parentNode.before(form);
		input.addEventListener("input", () => {
			const wanted = input.value.trim().toLowerCase();
			const rows = [...table.tBodies[0].rows];
			for (const row of rows) row.hidden = !text(row, 0).toLowerCase().includes(wanted);
			const shown = rows.filter((row) => !row.hidden).length;
			status.textContent = wanted ? `${shown} of ${rows.length}` : "";
		});
	}
	for (const chart of all("svg[data-of]")) {
		const table = document.querySelector(`#${chart.dataset.of} table`);
		const rows = table.tBodies[0].rows;
		const headings = [...table.tHead.rows[0].cells].map((heading) => heading.textContent);
		const title = chart.querySelector("title");
		chart.setAttribute("aria-label", title.textContent);
		title.remove();
		let tip;
		const hide = () => tip?.remove();
		chart.addEventListener("pointerleave", hide);
		chart.addEventListener("pointermove", (event) => {
			const box = chart.getBoundingClientRect();
			const row = rows[Math.floor(((event.clientX - box.left) / box.width) * rows.length)];
			const line = 1 + Math.floor(((event.clientY - box.top) / box.height) * 7);
			hide();
			if (!row) return;
			const isCalendar = chart.classList.contains("cal");
			const shown = headings.filter((_, n) => !isCalendar || n === 0 || n === line);
			const lines = shown.map((heading) => `${heading}: ${text(row, headings.indexOf(heading))}`);
			tip = make("div", lines.join("\n"), document.body);
			tip.className = "tip";
			const x = Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8);
			tip.style.left = `${Math.max(x, 0)}px`;
			tip.style.top = `${event.clientY + 12}px`;
		});
	}
})();
