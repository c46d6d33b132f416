/** A program that rejects. */
export default function crash(): Promise<void> {
  return Promise.reject(new Error("my own fault"));
}
