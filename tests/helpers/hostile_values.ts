/** Values that throw when they are examined, as exit reasons or what is thrown. */

const boom = (): never => {
  throw new Error("examined");
};

function revoked<T extends object>(target: T): T {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

function errorWith(key: string, descriptor: PropertyDescriptor): Error {
  return Object.defineProperty(new Error("hidden"), key, descriptor);
}

const traps = new Proxy({}, {
  get: () => boom,
}) as ProxyHandler<object>;

/** A fresh one for each call, by what it does. */
export const hostileValues: Readonly<Record<string, () => unknown>> = {
  "an error whose message throws": () => errorWith("message", { get: boom }),
  "an error whose message has no text": () =>
    errorWith("message", { value: Object.create(null) }),
  "an error whose message is a symbol": () =>
    errorWith("message", { value: Symbol("message") }),
  "an error whose name throws": () => errorWith("name", { get: boom }),
  "an error whose stack throws": () => errorWith("stack", { get: boom }),
  "an error whose cause throws": () => errorWith("cause", { get: boom }),
  "an error whose code throws": () => errorWith("code", { get: boom }),
  "a revoked object": () => revoked({}),
  "a revoked array": () => revoked([]),
  "a revoked function": () => revoked(() => {}),
  "a revoked error": () => revoked(new Error("hidden")),
  "a proxy that refuses everything": () => new Proxy({}, traps),
  "a proxy of an error that refuses everything": () =>
    new Proxy(new Error("hidden"), traps),
  "an object with a getter that throws": () => ({
    get field() {
      return boom();
    },
  }),
  "an object that has no text": () => ({ toString: boom, toJSON: boom }),
};
