/* The large view of a picture, the keys, and light or dark. */

const view = byId("view"), help = byId("help");
let viewed = 0; /* the place that the view shows: a browser gives the focus back to where it was opened */

function labelTable(picture) {
	const rows = picture.labels.map(([index, share, similarity], order) => make("tr", { class: order === 0 ? "first" : "" },
		make("td", {}, labelName(index)), make("td", {}, bar(share)), make("td", {}, percent(share, 2)),
		make("td", {}, similarity.toFixed(4))));
	const headings = ["Label", "", "Score", head.probe === undefined ? "Similarity" : "Logit"];
	const table = make("table", {}, make("thead", {}, make("tr", {}, ...headings.map((text) => make("th", { scope: "col" }, text)))),
		make("tbody", {}, ...rows));
	const rest = head.labels.length - picture.labels.length;
	return make("div", { class: "view-labels" }, table,
		...(rest > 0 ? [make("p", {}, `${whole(rest)} more labels are scored lower.`)] : []));
}

function fillView(at) {
	const picture = shown[at];
	const move = (step, text) => make("button", { type: "button", class: "tool", onclick: () => openView(viewed + step) }, text);
	const body = failed(picture)
		? make("div", { class: "view-labels" }, verdictChip(picture), make("p", {}, visible(picture.message)))
		: labelTable(picture);
	const truth = isEval ? [" · ", verdictChip(picture), ` true class: ${className(picture.class)}`] : [];
	byId("view-content").replaceChildren(
		make("div", { class: "view-head" },
			make("div", {}, make("h2", { id: "view-path" }, visible(picture.path)),
				make("p", {}, `${whole(at + 1)} of ${whole(shown.length)}`, ...truth)),
			make("div", { class: "tools" }, move(-1, "← Previous"), move(1, "Next →"),
				make("button", { type: "button", class: "tool", onclick: () => view.close() }, "Close"))),
		make("div", { class: "view-body" }, picturePart(picture), body));
}

function openView(at) {
	if (shown.length === 0)
		return;
	activate(at, false);
	viewed = active;
	fillView(viewed);
	if (!view.open)
		view.showModal();
	view.focus();
}

view.addEventListener("close", () => activate(viewed));
view.addEventListener("click", (event) => event.target === view && view.close());
help.addEventListener("click", (event) => event.target === help && help.close());
list.addEventListener("click", (event) => {
	const card = event.target.closest(".card");
	if (card !== null)
		openView(Number(card.dataset.place));
});
list.addEventListener("focusin", (event) => {
	const card = event.target.closest(".card");
	if (card !== null)
		active = Number(card.dataset.place);
});

/* ---- light or dark ---- */

/* A browser may keep nothing for a file: then it is asked anew each time. */
function remembered(theme) {
	try {
		if (theme !== undefined)
			localStorage.setItem("clipcls-theme", theme);
		return localStorage.getItem("clipcls-theme");
	} catch {
		return theme ?? null;
	}
}

function setTheme(theme) {
	if (theme === "light" || theme === "dark")
		document.documentElement.dataset.theme = theme;
	if (isEval && matrix.columns.length > 0)
		drawMatrix();
}

function toggleTheme() {
	const dark = matchMedia("(prefers-color-scheme: dark)").matches;
	const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
	const next = now === "dark" ? "light" : "dark";
	remembered(next);
	setTheme(next);
}

/* ---- keys ---- */

const KEYS = {
	j: () => activate(document.activeElement?.closest(".card") ? active + 1 : active),
	k: () => activate(active - 1),
	ArrowRight: () => KEYS.j(),
	ArrowLeft: () => KEYS.k(),
	ArrowDown: () => activate(document.activeElement?.closest(".card") ? active + columns : active),
	ArrowUp: () => activate(active >= columns ? active - columns : active),
	Home: () => activate(0),
	End: () => activate(shown.length - 1),
	Enter: () => openView(active),
	"/": () => { byId("search").focus(); byId("search").select(); },
	e: () => apply({ state: filter.state === "errors" ? "all" : "errors" }),
	x: clear,
	t: toggleTheme,
	"?": () => help.showModal(),
};
const VIEW_KEYS = { j: 1, k: -1, ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 };

function onKey(event) {
	if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || help.open)
		return;
	const { target, key } = event;
	if (view.open) {
		if (VIEW_KEYS[key] !== undefined) {
			event.preventDefault();
			openView(viewed + VIEW_KEYS[key]);
		}
		return;
	}
	if (target === byId("search") && key === "Escape")
		target.blur();
	if (target === byId("search") && key === "Enter")
		activate(0);
	const busy = target.closest("input, select, textarea, canvas");
	const pressed = target.closest("button, a") && key === "Enter";
	if (busy || pressed || KEYS[key] === undefined)
		return;
	event.preventDefault();
	KEYS[key]();
}

/* ---- start ---- */

document.addEventListener("keydown", onKey);
byId("theme-button").addEventListener("click", toggleTheme);
byId("help-button").addEventListener("click", () => help.showModal());
setTheme(remembered());
fillControls();
listenToControls();
fillSummary();
fillEvaluation();
apply({});
