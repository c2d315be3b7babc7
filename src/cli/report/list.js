/* The pictures that pass the filters: of thousands, those on the screen are elements. */

const CARD_WIDTH = 350, GAP = 12, ROW = 138 + GAP, ROWS_BESIDE = 3, PRINTED_AT_MOST = 500;
const list = byId("list");
const cards = new Map(); /* place in `shown` -> element */
let shown = [];
let columns = 1, cardWidth = CARD_WIDTH;
let active = 0; /* the place that Tab goes to */
let printing = false;

function pathParts(picture) {
	const path = visible(picture.path), cut = path.lastIndexOf("/") + 1;
	return [make("span", { class: "folder" }, path.slice(0, cut)), make("span", { class: "file" }, path.slice(cut))];
}

function picturePart(picture) {
	if (failed(picture))
		return make("div", { class: "thumb" }, make("b", { "aria-hidden": "true" }, "!"));
	return make("div", { class: "thumb" }, make("img", { src: thumbnail(picture), alt: "", decoding: "async",
		width: picture.width, height: picture.height }));
}

function verdictChip(picture) {
	if (failed(picture))
		return make("span", { class: "chip error" }, picture.code);
	return isRight(picture) ? make("span", { class: "chip right" }, "✓ right")
		: make("span", { class: "chip wrong" }, "✗ wrong");
}

function labelLine([index, share], rank) {
	return make("div", { class: rank === 0 ? "label first" : "label" }, make("span", { class: "name", title: labelName(index) }, labelName(index)),
		bar(share), make("span", { class: "number" }, percent(share)));
}

function describe(picture) {
	const truth = isEval ? `, true class ${className(picture.class)}` : "";
	if (failed(picture))
		return `${visible(picture.path)}: ${picture.code}, ${visible(picture.message)}${truth}`;
	return `${visible(picture.path)}: ${labelName(firstLabel(picture))} ${percent(score(picture))}${truth}`;
}

function makeCard(place) {
	const picture = shown[place];
	const what = make("div", { class: "what" }, make("div", { class: "path", title: visible(picture.path) },
		...pathParts(picture)));
	if (isEval)
		what.append(make("div", { class: "truth" }, verdictChip(picture), make("span", { class: "name" },
			`true class: ${className(picture.class)}`)));
	if (failed(picture) && !isEval)
		what.append(verdictChip(picture));
	if (failed(picture))
		what.append(make("p", { class: "message" }, visible(picture.message)));
	else
		what.append(...picture.labels.slice(0, isEval ? 3 : 4).map(labelLine));
	const card = make("article", { class: "card", tabindex: place === active ? 0 : -1, "aria-posinset": place + 1,
		"aria-setsize": shown.length, "aria-label": describe(picture) }, picturePart(picture), what);
	card.dataset.place = place;
	card.dataset.index = picture.index;
	return card;
}

function put(card, place) {
	const row = Math.floor(place / columns), column = place % columns;
	card.style.width = `${cardWidth}px`;
	card.style.transform = `translate(${column * (cardWidth + GAP)}px, ${row * ROW}px)`;
}

/* The places that are to be elements now. */
function placesInSight() {
	if (printing)
		return [0, Math.min(shown.length, PRINTED_AT_MOST)];
	const top = -list.getBoundingClientRect().top;
	const first = Math.floor(top / ROW) - ROWS_BESIDE;
	const last = Math.ceil((top + innerHeight) / ROW) + ROWS_BESIDE;
	return [Math.max(0, first) * columns, Math.min(shown.length, Math.max(0, last) * columns)];
}

function render() {
	const [first, last] = placesInSight();
	for (const [place, card] of cards)
		if ((place < first || place >= last) && card !== document.activeElement) {
			card.remove();
			cards.delete(place);
		}
	let before = null;
	for (let place = first; place < last; place++) {
		let card = cards.get(place);
		if (card === undefined) {
			card = makeCard(place);
			cards.set(place, card);
			list.insertBefore(card, before === null ? list.firstChild : before.nextSibling);
		}
		put(card, place);
		before = card;
	}
}

function layout() {
	const width = list.clientWidth;
	columns = Math.max(1, Math.floor((width + GAP) / (CARD_WIDTH + GAP)));
	cardWidth = Math.floor((width - (columns - 1) * GAP) / columns);
	list.style.height = `${Math.ceil(shown.length / columns) * ROW}px`;
	render();
}

function show(chosen) {
	shown = chosen;
	active = 0;
	list.replaceChildren();
	cards.clear();
	byId("nothing").hidden = shown.length > 0;
	layout();
}

/* Brings a place between the controls and the screen's end. */
function bringIntoSight(place) {
	const top = list.getBoundingClientRect().top + Math.floor(place / columns) * ROW;
	const controls = byId("controls");
	const free = getComputedStyle(controls).position === "sticky" ? controls.offsetHeight + GAP : GAP;
	if (top < free)
		scrollBy(0, top - free);
	else if (top + ROW > innerHeight)
		scrollBy(0, top + ROW - innerHeight);
}

function activate(place, focus = true) {
	if (shown.length === 0)
		return;
	place = Math.min(shown.length - 1, Math.max(0, place));
	cards.get(active)?.setAttribute("tabindex", "-1");
	active = place;
	bringIntoSight(place);
	render();
	const card = cards.get(place);
	card.setAttribute("tabindex", "0");
	if (focus)
		card.focus({ preventScroll: true });
}

addEventListener("scroll", render, { passive: true });
addEventListener("resize", layout);
addEventListener("beforeprint", () => { printing = true; render(); });
addEventListener("afterprint", () => { printing = false; render(); });
