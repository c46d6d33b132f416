/**
 * A way between two nodes that can be cut on one side only, so that the other
 * goes on believing in its connection.
 */
import { connect, createServer, type Socket } from "node:net";
import { atEnd } from "../../helpers/at_end.ts";

/** Connections through a port of its own. */
export class Cuttable {
  readonly port: number;
  readonly #pairs: { readonly near: Socket; readonly far: Socket }[] = [];

  private constructor(port: number) {
    this.port = port;
  }

  /** Listens until the test file ends and passes on to a port. */
  static open(to: () => number): Promise<Cuttable> {
    return new Promise((resolve) => {
      const server = createServer((near) => {
        const far = connect(to(), "127.0.0.1");
        cuttable.#pairs.push({ near, far });
        // No pipe: the end of one side shall not be that of the other.
        near.on("data", (chunk) => void far.write(chunk));
        far.on("data", (chunk) => void near.write(chunk));
        for (const socket of [near, far]) socket.on("error", () => {});
      });
      let cuttable: Cuttable;
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        const port = typeof address === "object" ? address?.port ?? 0 : 0;
        cuttable = new Cuttable(port);
        atEnd(() => {
          server.close();
          cuttable.#pairs.forEach(({ near, far }) => {
            near.destroy();
            far.destroy();
          });
        });
        resolve(cuttable);
      });
    });
  }

  /** Ends the connections on the side that has dialled. */
  cutNear(): void {
    for (const { near } of this.#pairs) near.destroy();
  }

  /** Whether all connections were closed on the side that was dialled. */
  get isFarClosed(): boolean {
    return this.#pairs.every(({ far }) => far.closed);
  }
}
