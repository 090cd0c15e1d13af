import type { NameBook, ReadingColumns } from "../columns.ts";
import type { SentColumns } from "./writer.ts";

/** Makes columns ready to cross to the writer's thread: each name crosses once. Null for the columns of a second book. */
export const createSender = (): ((columns: ReadingColumns) => SentColumns | null) => {
  let known: NameBook | null = null;
  let [devices, shapes] = [0, 0];
  return ({ book, ...columns }) => {
    known ??= book;
    if (known !== book) return null;
    const sent: SentColumns = {
      ...columns,
      firstDevice: devices,
      devices: book.devices.slice(devices),
      firstShape: shapes,
      shapes: book.shapes.slice(shapes),
    };
    devices = book.devices.length;
    shapes = book.shapes.length;
    return sent;
  };
};
