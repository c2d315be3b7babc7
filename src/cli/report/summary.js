/* The run as a whole: figures, and the labels that came first. */

function tile(name, ...value) {
	return make("div", { class: "tile" }, make("dt", {}, name), make("dd", {}, ...value));
}

function errorTile() {
	if (end.failed === 0)
		return tile("Errors", "0");
	return tile("Errors", make("button", { type: "button", onclick: () => apply({ ...unfiltered, state: "errors",
		order: filter.order }) }, whole(end.failed)));
}

/* A line with a bar that filters when it is pressed. filtered: {label} and {class}. */
function filterLine(name, share, number, filtered) {
	const data = Object.fromEntries(Object.entries(filtered).map(([key, value]) => [`data-${key}`, value]));
	return make("li", {}, make("button", { type: "button", "aria-pressed": "false", ...data,
		onclick: () => toggle(filtered) }, make("span", { class: "name", title: name }, name), bar(share),
	make("span", { class: "number" }, number)));
}

function fillHistogram() {
	const most = labelCounts.length > 0 ? labelCounts[0][1] : 1;
	const total = pictures.length - end.failed;
	byId("histogram-note").textContent = `${whole(labelCounts.length)} of ${whole(head.labels.length)} labels came first`;
	byId("histogram").append(...labelCounts.map(([index, n]) => filterLine(labelName(index), n / most,
		`${whole(n)} · ${percent(n / total, 0)}`, { label: index })));
}

function fillNotice() {
	const notes = [];
	if (end.unfinished === "interrupted")
		notes.push(`Partial: the run was interrupted after ${whole(pictures.length)} pictures.`);
	else if (end.unfinished !== undefined)
		notes.push(`Partial: the run ended early after ${whole(pictures.length)} pictures: ${visible(end.unfinished)}`);
	if (head.resumed)
		notes.push(`This page shows this run's pictures alone; ${whole(end.skipped)} were done by an earlier run.`);
	byId("notice").textContent = notes.join(" ");
	byId("notice").hidden = notes.length === 0;
}

function fillSummary() {
	const model = visible(head.model);
	document.title = `${isEval ? "Evaluation" : "Classification"} of ${whole(pictures.length)} pictures – clipcls`;
	document.body.classList.toggle("evaluation", isEval);
	byId("title").textContent = isEval ? "Evaluation" : "Classification";
	byId("subtitle").textContent = [model, head.family, ...(head.probe === undefined ? [] : [`probe ${visible(head.probe)}`]),
		`clipcls ${head.version}`, document.lastModified].join(" · ");
	const figures = end.figures;
	byId("tiles").append(tile("Pictures", whole(pictures.length)), errorTile(), tile("Labels", whole(head.labels.length)),
		...(isEval ? [tile("Classes", whole(head.classes.length)), tile("Top-1", percent(figures.top1, 2)),
			tile("Top-5", percent(figures.top5, 2)), tile("Mean per class", percent(figures.mean_per_class, 2)),
			tile("Mean score", percent(figures.mean_score, 2)), tile("ECE", percent(figures.ece, 2))] : []));
	fillNotice();
	fillHistogram();
}
