const storageKey = "wattlas.operator";

/** Who acts at this screen. There is no login yet, so the name is what was typed last. */
export const operatorName = (): string => localStorage.getItem(storageKey) ?? "";
export const rememberOperator = (name: string): void => localStorage.setItem(storageKey, name);
