#include "image/heat_map.h"

#include "base/checked.h"

#include <math.h>

/* Of the colour where heat is largest. */
#define MOST_OPAQUE 0.85
/* What is left of the contrast outside the square, and the grey that it fades into. */
#define FADED 0.35
#define FADED_INTO 160

/* Every fourth colour from the middle to the ends of "smooth cool warm": Moreland 2009, "Diverging
 * Color Maps for Scientific Visualization", whose steps look evenly large. */
#define STEPS 4
static const uint8_t warm[STEPS + 1][3] = {
	{ 221, 221, 221 }, { 245, 196, 173 }, { 244, 154, 123 }, { 222, 96, 77 }, { 180, 4, 38 }
};
static const uint8_t cold[STEPS + 1][3] = {
	{ 221, 221, 221 }, { 184, 208, 249 }, { 141, 176, 254 }, { 98, 130, 234 }, { 59, 76, 192 }
};

/* Between a cell and the next along one axis: which two, and how near the second. */
struct place {
	size_t before, after;
	double share;
};

/* at: in cells from the edge. Heat is that of the cell in its middle, and beyond the outermost
 * middles stays what it is there. */
static struct place place_of(double at, size_t cells)
{
	double inside = fmin(fmax(at - 0.5, 0), (double)(cells - 1));
	size_t before = (size_t)inside;
	return (struct place){ before, size_min(before + 1, cells - 1), inside - (double)before };
}

static double heat_at(const struct heat_map *map, struct place x, struct place y)
{
	const float *above = map->heat + y.before * map->columns;
	const float *below = map->heat + y.after * map->columns;
	double high = above[x.before] + x.share * (above[x.after] - above[x.before]);
	double low = below[x.before] + x.share * (below[x.after] - below[x.before]);
	return high + y.share * (low - high);
}

static uint8_t mixed(double from, double to, double share)
{
	return (uint8_t)lrint(from + share * (to - from));
}

/* heat: from -1 to 1. */
static void paint(uint8_t *rgb, uint8_t grey, double heat)
{
	const uint8_t(*colors)[3] = heat < 0 ? cold : warm;
	double strength = fabs(heat);
	size_t step = size_min((size_t)(strength * STEPS), STEPS - 1);
	double share = strength * STEPS - (double)step;
	for (int c = 0; c < 3; c++)
		rgb[c] =
		    mixed(grey, mixed(colors[step][c], colors[step + 1][c], share), strength * MOST_OPAQUE);
}

static double strongest(const struct heat_map *map)
{
	double most = HEAT_MAP_LEAST;
	for (size_t i = 0; i < map->rows * map->columns; i++)
		most = fmax(most, fabs(map->heat[i]));
	return most;
}

/* ITU-R 601, as Pillow's convert("L"). */
static uint8_t grey_of(const uint8_t *rgb)
{
	return (uint8_t)((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
}

/* Where in the square the middle of pixel i of n lies, from 0 to 1; outside beyond. */
static double place_in(size_t i, size_t n, double begin, double end)
{
	return (((double)i + 0.5) / (double)n - begin) / (end - begin);
}

void heat_map_draw(uint8_t *rgb, size_t width, size_t height, const struct heat_map *map)
{
	const double most = strongest(map);
	for (size_t y = 0; y < height; y++) {
		double v = place_in(y, height, map->box.top, map->box.bottom);
		struct place row = place_of(v / map->cell, map->rows);
		for (size_t x = 0; x < width; x++, rgb += 3) {
			double u = place_in(x, width, map->box.left, map->box.right);
			uint8_t grey = grey_of(rgb);
			if (u < 0 || u > 1 || v < 0 || v > 1)
				rgb[0] = rgb[1] = rgb[2] = mixed(FADED_INTO, grey, FADED);
			else
				paint(rgb, grey, heat_at(map, place_of(u / map->cell, map->columns), row) / most);
		}
	}
}
