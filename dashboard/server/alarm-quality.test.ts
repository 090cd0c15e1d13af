import { afterAll, beforeAll, expect, test } from "vitest";
import { alertOf, type Stand, saveAlert, startStand } from "./fake.ts";

let stand: Stand;
beforeAll(async () => {
  stand = await startStand();
  await saveAlert(stand.ledger, alertOf({ id: "a1", start: 1000, active: 2000, returned: 62_000, state: "RETURNED" }));
  await saveAlert(stand.ledger, alertOf({ id: "a2", start: 1000, active: 2000, rule: "R01", occurrences: 3 }));
});
afterAll(() => stand[Symbol.asyncDispose]());

const ask = (query: string) => fetch(`${stand.url}/api/v1/alarm-quality${query}`);

test("alarm quality is answered for a site, a period and the shifts asked for", async () => {
  const answer = await ask("?site=hall&from=0&to=7200000&operators=2&shifts=07:00,19:00");
  expect(await answer.json()).toMatchObject({
    all: { alerts: 2, annunciations: 4, perOperatorHour: 1, neverActedUpon: 1, resolveS: { median: 60 } },
    rules: [{ rule: "R01" }, { rule: "R04" }],
    shifts: [{ shift: "07:00" }, { shift: "19:00", alerts: 0 }],
  });
});

test("an alert that began days before it became active is of the time it became active in", async () => {
  const days = 30 * 86_400_000;
  await saveAlert(stand.ledger, alertOf({ id: "slow", start: 3000, active: days }));
  expect(await (await ask(`?from=${days}&to=${days + 1000}`)).json()).toMatchObject({ all: { alerts: 1 } });
});

test("an unknown site and a time that is none are refused", async () => {
  expect((await ask("?site=moon")).status).toBe(404);
  expect(await (await ask("?shifts=25:00")).json()).toMatchObject({ errors: [{ name: "shifts" }] });
});
