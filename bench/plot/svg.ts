/** A minimal writer of SVG: elements with attributes, and escaped text. */

type Attributes = Readonly<Record<string, string | number>>;

/** Coordinates need no more than tenths of a pixel. */
function valueOf(value: string | number): string {
  if (typeof value === "string") return escaped(value);
  return String(Math.round(value * 10) / 10);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** `children` are elements. */
export function element(
  name: string,
  attributes: Attributes,
  children: readonly string[] = [],
): string {
  const pairs = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${valueOf(value)}"`).join("");
  return children.length === 0
    ? `<${name}${pairs}/>\n`
    : `<${name}${pairs}>\n${children.join("")}</${name}>\n`;
}

export function text(attributes: Attributes, content: string): string {
  const pairs = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${valueOf(value)}"`).join("");
  return `<text${pairs}>${escaped(content)}</text>\n`;
}

/** Elements with their upper left corner at a position. */
export function at(x: number, y: number, children: readonly string[]): string {
  return element(
    "g",
    { transform: `translate(${valueOf(x)} ${valueOf(y)})` },
    children,
  );
}

/** A whole picture, on white so that it is readable on any page. */
export function picture(
  size: { readonly width: number; readonly height: number },
  title: string,
  children: readonly string[],
): string {
  const { width, height } = size;
  return element("svg", {
    xmlns: "http://www.w3.org/2000/svg",
    width,
    height,
    viewBox: `0 0 ${valueOf(width)} ${valueOf(height)}`,
    "font-family": "system-ui, sans-serif",
    "font-size": 11,
    fill: "#222",
  }, [
    `<title>${escaped(title)}</title>\n`,
    element("rect", { width, height, fill: "#fff" }),
    ...children,
  ]);
}
