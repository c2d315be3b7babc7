/* eval: what each class is taken for. */

const MATRIX_HEIGHT = 516; /* page.css gives it 520 */
/* cells: row -> column -> {pictures, of, right}; row and column: of the one that is pointed at. */
const matrix = {
	canvas: byId("confusion"), rows: [], columns: [], cells: new Map(),
	side: 0, left: 0, top: 0, row: -1, column: -1,
};

/* The labels as columns: those that are right for a class in the order of classes, which makes the diagonal, then
 * others that were an answer, the most frequent first. */
function orderColumns(classes) {
	const order = new Set(head.right.flat());
	const answers = new Map();
	for (const entry of classes)
		for (const cell of entry.confusion)
			answers.set(cell.index, (answers.get(cell.index) ?? 0) + cell.pictures);
	for (const [index] of [...answers].sort(([a, n], [b, m]) => m - n || a - b))
		order.add(index);
	return [...order].filter((index) => answers.has(index) || head.right.length <= 60);
}

function color(name) {
	return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/* Names beside the cells where these are large enough to be read. */
function measureMatrix(context) {
	const width = byId("matrix").clientWidth;
	const named = matrix.rows.length <= 60 && matrix.columns.length <= 60;
	const longest = Math.max(0, ...head.classes.map((_, index) => context.measureText(className(index)).width));
	matrix.left = named ? Math.min(140, Math.ceil(longest) + 12) : 4;
	matrix.top = named ? 100 : 4;
	const fit = Math.floor((width - matrix.left - (named ? 60 : 4)) / Math.max(1, matrix.columns.length));
	/* Not higher than the panel where that leaves names their height. */
	const low = Math.floor((MATRIX_HEIGHT - matrix.top) / Math.max(1, matrix.rows.length));
	matrix.side = named ? Math.max(14, Math.min(44, fit, Math.max(low, 22))) : Math.max(4, Math.min(14, fit));
}

function drawNames(context) {
	context.fillStyle = color("--muted");
	context.textBaseline = "middle";
	for (const [row, of] of matrix.rows.entries())
		context.fillText(className(of), 0, matrix.top + (row + 0.5) * matrix.side, matrix.left - 8);
	for (const [column, label] of matrix.columns.entries()) {
		context.save();
		context.translate(matrix.left + (column + 0.5) * matrix.side, matrix.top - 6);
		context.rotate(-Math.PI / 3);
		context.fillText(labelName(label), 0, 0, 106);
		context.restore();
	}
}

function drawCell(context, row, column, cell) {
	const share = cell.pictures / cell.of, gap = matrix.side > 8 ? 1 : 0;
	const x = matrix.left + column * matrix.side, y = matrix.top + row * matrix.side;
	context.globalAlpha = 0.15 + 0.85 * share;
	context.fillStyle = color(cell.right ? "--right" : "--wrong");
	context.fillRect(x + gap, y + gap, matrix.side - 2 * gap, matrix.side - 2 * gap);
	context.globalAlpha = 1;
	if (matrix.side < 22)
		return;
	context.textAlign = "center";
	context.fillStyle = share > 0.5 ? color("--card") : color("--text");
	context.fillText(whole(cell.pictures), x + matrix.side / 2, y + matrix.side / 2 + 1, matrix.side - 4);
	context.textAlign = "start";
}

function drawMatrix() {
	const { canvas } = matrix, context = canvas.getContext("2d"), ratio = devicePixelRatio;
	context.font = "12px system-ui, sans-serif";
	measureMatrix(context);
	const width = matrix.left + matrix.columns.length * matrix.side + (matrix.top > 4 ? 56 : 4);
	const height = matrix.top + matrix.rows.length * matrix.side + 2;
	/* No browser draws more than about 16,000 pixels a side. */
	const scale = Math.min(ratio, 16000 / Math.max(width, height));
	canvas.width = width * scale;
	canvas.height = height * scale;
	canvas.style.width = `${width}px`;
	canvas.style.height = `${height}px`;
	context.scale(scale, scale);
	context.font = "12px system-ui, sans-serif";
	context.fillStyle = color("--track");
	context.fillRect(matrix.left, matrix.top, matrix.columns.length * matrix.side, matrix.rows.length * matrix.side);
	if (matrix.top > 4)
		drawNames(context);
	for (const [row, line] of matrix.cells)
		for (const [column, cell] of line)
			drawCell(context, row, column, cell);
	if (matrix.row >= 0) {
		context.strokeStyle = color("--focus");
		context.lineWidth = 2;
		context.strokeRect(matrix.left + matrix.column * matrix.side, matrix.top + matrix.row * matrix.side,
			matrix.side, matrix.side);
	}
}

function pointAt(row, column) {
	const inside = row >= 0 && row < matrix.rows.length && column >= 0 && column < matrix.columns.length;
	[matrix.row, matrix.column] = inside ? [row, column] : [-1, -1];
	const cell = inside ? matrix.cells.get(row)?.get(column) : undefined;
	const which = inside ? `${className(matrix.rows[row])} taken for ${labelName(matrix.columns[column])}: ` : "";
	const many = cell === undefined ? (inside ? "none" : "")
		: `${whole(cell.pictures)} of ${whole(cell.of)} pictures (${percent(cell.pictures / cell.of)}), ` +
			(cell.right ? "right" : "wrong");
	byId("cell").textContent = which + many;
	matrix.canvas.title = byId("cell").textContent;
	drawMatrix();
}

function filterByCell() {
	if (matrix.row >= 0)
		toggle({ class: matrix.rows[matrix.row], label: matrix.columns[matrix.column] });
}

function place(event) {
	return [Math.floor((event.offsetY - matrix.top) / matrix.side),
		Math.floor((event.offsetX - matrix.left) / matrix.side)];
}

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

function listenToMatrix() {
	const { canvas } = matrix;
	canvas.addEventListener("mousemove", (event) => pointAt(...place(event)));
	canvas.addEventListener("mouseleave", () => pointAt(-1, -1));
	canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && matrix.row < 0 && pointAt(0, 0));
	canvas.addEventListener("click", (event) => { pointAt(...place(event)); filterByCell(); });
	canvas.addEventListener("keydown", (event) => {
		const step = STEPS[event.key];
		if (step === undefined && event.key !== "Enter" && event.key !== " ")
			return;
		event.preventDefault();
		if (step === undefined)
			filterByCell();
		else
			pointAt(Math.min(matrix.rows.length - 1, Math.max(0, matrix.row + step[0])),
				Math.min(matrix.columns.length - 1, Math.max(0, matrix.column + step[1])));
	});
	addEventListener("resize", drawMatrix);
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawMatrix);
}

function fillMistakes(classes) {
	const mistakes = classes.flatMap((entry, of) => entry.confusion.filter((cell) => !cell.right)
		.map((cell) => ({ of, label: cell.index, pictures: cell.pictures, share: cell.pictures / entry.pictures })));
	mistakes.sort((a, b) => b.pictures - a.pictures || b.share - a.share || a.of - b.of);
	byId("mistakes").append(...mistakes.slice(0, 100).map(({ of, label, pictures: n, share }) =>
		filterLine(`${className(of)} → ${labelName(label)}`, share, whole(n), { class: of, label })));
}

function fillClasses(classes) {
	const order = classes.map((entry, of) => [entry, of]).sort(([a], [b]) => a.top1 - b.top1);
	byId("classes").append(...order.map(([entry, of]) => filterLine(className(of), entry.top1,
		`${percent(entry.top1)} of ${whole(entry.pictures)}`, { class: of })));
}

function fillEvaluation() {
	if (!isEval)
		return;
	const { classes } = end.figures;
	matrix.rows = classes.map((_, index) => index);
	matrix.columns = orderColumns(classes);
	const columnOf = new Map(matrix.columns.map((label, column) => [label, column]));
	for (const [row, entry] of classes.entries())
		matrix.cells.set(row, new Map(entry.confusion.map((cell) =>
			[columnOf.get(cell.index), { ...cell, of: entry.pictures }])));
	for (const name of ["confusion-panel", "classes-panel", "mistakes-panel"])
		byId(name).hidden = false;
	fillClasses(classes);
	fillMistakes(classes);
	listenToMatrix();
	drawMatrix();
}
