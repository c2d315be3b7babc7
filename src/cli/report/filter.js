/* Which pictures are shown, and in which order. */

const ANY = -1;
const filter = { text: "", state: "all", label: ANY, class: ANY, least: 0, most: 100, order: "input" };
const unfiltered = { ...filter };

const STATES = isEval
	? { all: ["All", () => true], wrong: ["Wrong", (picture) => !failed(picture) && !isRight(picture)],
		right: ["Right", (picture) => !failed(picture) && isRight(picture)], errors: ["Errors", failed] }
	: { all: ["All", () => true], classified: ["Classified", (picture) => !failed(picture)], errors: ["Errors", failed] };

const byIndex = (a, b) => a.index - b.index;
/* Errors have no score: they come last in both directions. */
const byScore = (sign) => (a, b) => failed(a) - failed(b) || sign * (score(a) - score(b)) || byIndex(a, b);
const comparePaths = new Intl.Collator("en", { numeric: true }).compare;
/* Wrong ones first, the surest of them at the top; then right ones, the least sure first. */
const rank = (picture) => (failed(picture) ? 2 : isRight(picture) ? 1 : 0);
const byMistake = (a, b) => rank(a) - rank(b) || (rank(a) === 0 ? -1 : 1) * (score(a) - score(b)) || byIndex(a, b);
const ORDERS = {
	...(isEval ? { worst: ["worst mistakes first", byMistake] } : {}),
	input: ["as given", byIndex], low: ["lowest score first", byScore(1)], high: ["highest score first", byScore(-1)],
	path: ["by path", (a, b) => comparePaths(a.path, b.path) || byIndex(a, b)],
};

function passes(picture) {
	if (!STATES[filter.state][1](picture) || (filter.text !== "" && !picture.lower.includes(filter.text)))
		return false;
	if ((filter.label !== ANY && firstLabel(picture) !== filter.label) ||
		(filter.class !== ANY && picture.class !== filter.class))
		return false;
	const shares = filter.least > 0 || filter.most < 100;
	return !shares || (!failed(picture) && 100 * score(picture) >= filter.least && 100 * score(picture) <= filter.most);
}

/* Puts the filter's state into the controls. */
function showFilter() {
	for (const input of byId("states").querySelectorAll("input"))
		input.checked = input.value === filter.state;
	for (const name of ["label", "class", "order", "least", "most"])
		if (document.activeElement !== byId(name) || byId(name).tagName === "SELECT")
			byId(name).value = filter[name];
	byId("least-slider").value = filter.least;
	if (byId("search").value.toLowerCase() !== filter.text)
		byId("search").value = filter.text;
	for (const button of document.querySelectorAll("button[data-label], button[data-class]")) {
		const { label = ANY, class: of = ANY } = button.dataset;
		button.setAttribute("aria-pressed", Number(label) === filter.label && Number(of) === filter.class);
	}
	const changed = Object.keys(filter).some((name) => name !== "order" && filter[name] !== unfiltered[name]);
	byId("clear").hidden = !changed;
}

function apply(changes) {
	Object.assign(filter, changes);
	const chosen = pictures.filter(passes).sort(ORDERS[filter.order][1]);
	showFilter();
	byId("count").textContent = chosen.length === pictures.length ? `${whole(chosen.length)} pictures`
		: `${whole(chosen.length)} of ${whole(pictures.length)} pictures`;
	show(chosen);
}

/* Sets label and class, or takes them away where they are set already. */
function toggle(changes) {
	const set = Object.entries(changes).every(([name, value]) => filter[name] === value);
	apply(set ? { label: ANY, class: ANY } : { label: ANY, class: ANY, ...changes });
}

function clear() {
	apply({ ...unfiltered, order: filter.order });
}

/* ---- controls ---- */

function options(select, entries) {
	select.replaceChildren(...entries.map(([value, text]) => make("option", { value }, text)));
}

function count(keys) {
	const counts = new Map();
	for (const key of keys)
		counts.set(key, (counts.get(key) ?? 0) + 1);
	return [...counts].sort(([a, n], [b, m]) => m - n || a - b);
}

const labelCounts = count(pictures.filter((picture) => !failed(picture)).map(firstLabel));

function fillControls() {
	byId("states").append(...Object.entries(STATES).map(([value, [text, test]]) => make("label", {},
		make("input", { type: "radio", name: "state", value, onchange: () => apply({ state: value }) }),
		`${text} ${whole(pictures.filter(test).length)}`)));
	options(byId("label"), [[ANY, "any"], ...labelCounts.map(([index, n]) => [index, `${labelName(index)} (${whole(n)})`])]);
	options(byId("order"), Object.entries(ORDERS).map(([value, [text]]) => [value, text]));
	if (isEval) {
		byId("class-field").hidden = false;
		options(byId("class"), [[ANY, "any"], ...head.classes.map((_, index) => [index, className(index)])]);
		unfiltered.order = filter.order = "worst";
	}
}

function listenToControls() {
	byId("controls").addEventListener("submit", (event) => event.preventDefault());
	byId("search").addEventListener("input", (event) => apply({ text: event.target.value.toLowerCase() }));
	for (const name of ["label", "class"])
		byId(name).addEventListener("change", (event) => apply({ [name]: Number(event.target.value) }));
	byId("order").addEventListener("change", (event) => apply({ order: event.target.value }));
	const bound = (event, otherwise) => {
		const value = event.target.value === "" ? otherwise : Number(event.target.value);
		return Math.min(100, Math.max(0, value));
	};
	byId("least").addEventListener("input", (event) => apply({ least: bound(event, 0) }));
	byId("least-slider").addEventListener("input", (event) => apply({ least: bound(event, 0) }));
	byId("most").addEventListener("input", (event) => apply({ most: bound(event, 100) }));
	byId("clear").addEventListener("click", clear);
}
