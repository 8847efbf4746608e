export interface Sample {
  name: string
  labels: Readonly<Record<string, string>>
  value: number
}

/** The values in the text that Prometheus reads. */
export function samplesIn(text: string): Sample[] {
  return [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(([, name = '', labels = '', value]) => ({
    name,
    labels: Object.fromEntries([...labels.matchAll(/(\w+)="(.*?)"/g)].map(([, key, text]) => [key, text])),
    value: Number(value),
  }))
}

/** Type and help of each metric in it. */
export function declaredIn(text: string): Map<string, { type: string; help: string }> {
  const help = new Map([...text.matchAll(/^# HELP (\w+) (.*)$/gm)].map(([, name, what]) => [name, what]))
  const types = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)]
  return new Map(types.map(([, name = '', type = '']) => [name, { type, help: help.get(name) ?? '' }]))
}

/** The sum of all series of a counter that have these labels. */
export function sum(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  return samplesIn(text)
    .filter(sample => sample.name === name)
    .filter(sample => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
    .reduce((total, { value }) => total + value, 0)
}
