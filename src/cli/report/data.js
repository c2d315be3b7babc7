"use strict";

/* What the program wrote: one element "head", then "records" and "thumbnails" by turns, then "end".
 * Texts from it reach the page as text alone: through textContent and attributes, never as markup. */

const byId = (id) => document.getElementById(id);
const elements = (name) => Array.from(document.querySelectorAll(`script[type="application/json"].${name}`));
const parsed = (element) => JSON.parse(element.textContent);

const head = parsed(elements("head")[0]);
const end = parsed(elements("end")[0]);
const isEval = head.classes !== undefined;
const thumbnailElements = elements("thumbnails");
const thumbnailBlocks = [];

/* {path, class, labels: [[index, score, similarity], ...], width, height} or {path, class, code, message}; to
 * which come: index, block, place (in its block of thumbnails), lower (what is searched). */
const pictures = [];

for (const [block, element] of elements("records").entries())
	for (const [place, picture] of parsed(element).entries())
		pictures.push(Object.assign(picture, { index: pictures.length, block, place, lower: picture.path.toLowerCase() }));

/* A block's thumbnails are parsed when the first of them is shown. */
function thumbnail(picture) {
	thumbnailBlocks[picture.block] ??= parsed(thumbnailElements[picture.block]);
	return `data:image/jpeg;base64,${thumbnailBlocks[picture.block][picture.place]}`;
}

const failed = (picture) => picture.code !== undefined;
const firstLabel = (picture) => (failed(picture) ? -1 : picture.labels[0][0]);
const score = (picture) => (failed(picture) ? -1 : picture.labels[0][1]);
const isRight = (picture) => head.right[picture.class].includes(firstLabel(picture));

/* What cannot be seen, or would turn the text around it, is shown as an escape; a byte that is no UTF-8 came as
 * U+DC80 to U+DCFF. */
const HIDDEN = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|(?![\u200c\u200d])\p{Cf}/gu;

function visible(text) {
	return text.replace(HIDDEN, (character) => {
		const code = character.codePointAt(0);
		const byte = code >= 0xdc80 && code <= 0xdcff ? code - 0xdc00 : code;
		const digits = byte.toString(16).toUpperCase();
		return byte < 0x100 ? `\\x${digits.padStart(2, "0")}` : `\\u{${digits}}`;
	});
}

const labelName = (index) => visible(head.labels[index]);
const className = (index) => visible(head.classes[index]);
const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)} %`;
const whole = (number) => number.toLocaleString("en-US");

/* make("p", { class: "x", onclick: f }, "text", child): attributes, handlers, then children; strings are text. */
function make(tag, attributes = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes))
		if (name.startsWith("on"))
			element.addEventListener(name.slice(2), value);
		else if (value !== undefined && value !== false)
			element.setAttribute(name, value === true ? "" : value);
	element.append(...children);
	return element;
}

function bar(share) {
	const fill = make("i");
	fill.style.width = percent(Math.min(1, Math.max(0, share)), 2).replace(" ", "");
	return make("span", { class: "bar", "aria-hidden": "true" }, fill);
}
