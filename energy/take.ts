import type { NameBook, ReadingColumns } from "#store";
import type { SampleLane } from "./samples.ts";
import type { SiteBook } from "./site-book.ts";

/** What is known of one device number: its site's book, and the way of its rows. */
interface Route {
  readonly book: SiteBook;
  readonly device: string;
  /** Of rows of this shape; a device seldom has a second. */
  shape: number;
  lane: SampleLane | null;
}

/** What becomes of a row of a modelled site; `value` holds its values from `start` on. */
type Give = (
  book: SiteBook,
  lane: SampleLane | null,
  times: { readonly ts: number; readonly received: number },
  value: Float64Array,
  start: number,
) => void;

const takeRow: Give = (book, lane, times, value, start) => book.takeRow(lane, times, value, start);

/** Hands each row to the book of its site; a device's name is looked up once, its rows by number. */
export const createTaker = (books: ReadonlyMap<string, SiteBook>): ((columns: ReadingColumns, give?: Give) => void) => {
  let names: NameBook | null = null;
  let routes: (Route | null)[] = [];

  const learn = (known: NameBook): void => {
    if (names !== known) routes = [];
    names = known;
    for (let number = routes.length; number < known.devices.length; number += 1) {
      const name = known.devices[number];
      const book = name === undefined ? undefined : books.get(name.site);
      routes.push(
        name === undefined || book === undefined ? null : { book, device: name.device, shape: -1, lane: null },
      );
    }
  };

  return ({ book, device, shape, ts, received, value }, give = takeRow) => {
    learn(book);
    const sizes = book.shapes.map((quantities) => quantities.length);
    let start = 0;
    for (let row = 0; row < device.length; row += 1) {
      const form = shape[row] ?? 0;
      const route = routes[device[row] ?? 0];
      if (route) {
        if (route.shape !== form) {
          route.lane = route.book.laneOf(route.device, book.shapes[form] ?? []);
          route.shape = form;
        }
        const times = { ts: ts[row] ?? Number.NaN, received: received[row] ?? Number.NaN };
        give(route.book, route.lane, times, value, start);
      }
      start += sizes[form] ?? 0;
    }
  };
};
