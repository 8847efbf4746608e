import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const schema = fileURLToPath(new URL('dicom-audit.rng', import.meta.url))

function xmllint(xml: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('xmllint', [...args, '-'], { input: xml, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${stderr}\n${xml}`)
  return stdout
}

/** Throws where it is no audit message of PS3.15 §A.5.1.1. */
export function validate(xml: string): void {
  xmllint(xml, '--noout', '--relaxng', schema)
}

/** What an XPath expression finds in it, as text. */
export function textOf(xml: string, xpath: string): string {
  return xmllint(xml, '--xpath', `string(${xpath})`).replace(/\n$/, '')
}

/** The value of the ParticipantObjectDetail of this type. */
export function detailOf(xml: string, type: string): string {
  return Buffer.from(textOf(xml, `//ParticipantObjectDetail[@type="${type}"]/@value`), 'base64').toString()
}
