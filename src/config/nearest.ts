const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

/** How many letters must be changed, added, dropped or swapped with their neighbour to make one word of the other. */
export const editDistance = (a: string, b: string): number => {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1)
      row.push(cost)
    }
    before = last
    last = row
  }
  return last[b.length] ?? 0
}

/** The name that was most likely meant, or undefined when none is near. Case, `-` and `_` do not count. */
export const nearest = (word: string, names: Iterable<string>): string | undefined => {
  const wanted = plain(word)
  if (wanted === '' || wanted.length > 100) return undefined
  let best: { name: string; distance: number } | undefined
  for (const name of names) {
    const distance = editDistance(wanted, plain(name))
    if (distance < (best?.distance ?? Infinity)) best = { name, distance }
  }
  return best && best.distance <= Math.floor(wanted.length / 3) ? best.name : undefined
}
