import type { NameBook, ReadingColumns } from "#store";
import type { SampleLane } from "./samples.ts";
import type { SiteBook } from "./site-book.ts";

/** What is known of the devices, by number: whose they are, and the way of their rows. */
interface Routes {
  /** Place of the site's book; −1 without one. */
  book: Int32Array;
  /** Of rows of this shape; a device seldom has a second. */
  shape: Int32Array;
  /** −1: nothing of such a row is asked for. */
  way: Int32Array;
  slot: Int32Array;
}

type Way = Omit<SampleLane, "slot">;

/** What becomes of a row of a modelled site; `value` holds its values from `start` on. */
type Give = (
  book: SiteBook,
  lane: SampleLane | null,
  times: { readonly ts: number; readonly received: number },
  value: Float64Array,
  start: number,
) => void;

const takeRow: Give = (book, lane, times, value, start) => book.takeRow(lane, times, value, start);

const noRoutes = (): Routes => ({
  book: new Int32Array(0),
  shape: new Int32Array(0),
  way: new Int32Array(0),
  slot: new Int32Array(0),
});

const widened = (column: Int32Array, size: number): Int32Array => {
  const wider = new Int32Array(size).fill(-1);
  wider.set(column);
  return wider;
};

/** Hands each row to the book of its site; a device's name is looked up once, its rows by number. */
export const createTaker = (books: ReadonlyMap<string, SiteBook>): ((columns: ReadingColumns, give?: Give) => void) => {
  const inOrder = [...books.values()];
  const placeOf = new Map([...books.keys()].map((site, place) => [site, place]));
  const ways: Way[] = [];
  const wayNumbers = new Map<Way["wanted"], Map<Way["at"], number>>();
  let names: NameBook | null = null;
  let learned = 0;
  let routes = noRoutes();

  const wayOf = ({ wanted, at }: Way): number => {
    const numbers = wayNumbers.get(wanted) ?? new Map<Way["at"], number>();
    wayNumbers.set(wanted, numbers);
    const known = numbers.get(at);
    if (known !== undefined) return known;
    numbers.set(at, ways.length);
    return ways.push({ wanted, at }) - 1;
  };

  const learn = (known: NameBook): void => {
    if (names !== known) {
      routes = noRoutes();
      learned = 0;
    }
    names = known;
    const count = known.devices.length;
    if (count > routes.book.length) {
      const size = Math.max(1024, Math.ceil(1.5 * count));
      const { book, shape, way, slot } = routes;
      routes = {
        book: widened(book, size),
        shape: widened(shape, size),
        way: widened(way, size),
        slot: widened(slot, size),
      };
    }
    for (; learned < count; learned += 1) {
      const name = known.devices.at(learned);
      routes.book[learned] = (name === undefined ? undefined : placeOf.get(name.site)) ?? -1;
    }
  };

  const enter = (number: number, book: SiteBook, known: NameBook, form: number): void => {
    const name = known.devices.at(number);
    const lane = name === undefined ? null : book.laneOf(name.device, known.shapes[form] ?? []);
    routes.shape[number] = form;
    routes.way[number] = lane === null ? -1 : wayOf(lane);
    routes.slot[number] = lane?.slot ?? -1;
  };

  return ({ book: known, device, shape, ts, received, value }, give = takeRow) => {
    learn(known);
    const sizes = known.shapes.map((quantities) => quantities.length);
    let start = 0;
    for (let row = 0; row < device.length; row += 1) {
      const form = shape[row] ?? 0;
      const number = device[row] ?? 0;
      const book = inOrder[routes.book[number] ?? -1];
      if (book !== undefined) {
        if (routes.shape[number] !== form) enter(number, book, known, form);
        const way = ways[routes.way[number] ?? -1];
        const lane = way === undefined ? null : { wanted: way.wanted, at: way.at, slot: routes.slot[number] ?? 0 };
        const times = { ts: ts[row] ?? Number.NaN, received: received[row] ?? Number.NaN };
        give(book, lane, times, value, start);
      }
      start += sizes[form] ?? 0;
    }
  };
};
