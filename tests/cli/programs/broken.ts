/** A program that cannot be loaded. */
const nothing = JSON.parse("null") as { name: string };

export default function broken(): string {
  return name;
}

const name = nothing.name;
