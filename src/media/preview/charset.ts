const declared = /<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}["']?([\w:.-]{1,40})/i

function decoder(label: string | undefined): TextDecoder | undefined {
  try {
    return label === undefined ? undefined : new TextDecoder(label)
  } catch {
    return undefined
  }
}

/** The text of a page, in the encoding that its first bytes, its Content-Type or its own head name; UTF-8 if none does. */
export function decodePage(bytes: Uint8Array, contentType: string): string {
  const [first, second] = bytes
  const mark =
    first === 0xfe && second === 0xff ? 'utf-16be' : first === 0xff && second === 0xfe ? 'utf-16le' : undefined
  const [, named] = /;\s{0,9}charset\s{0,9}=\s{0,9}"?([\w:.-]{1,40})/i.exec(contentType.slice(0, 500)) ?? []
  const [, inside] = declared.exec(Buffer.from(bytes.subarray(0, 2048)).toString('latin1')) ?? []
  return (decoder(mark) ?? decoder(named) ?? decoder(inside) ?? new TextDecoder()).decode(bytes)
}
