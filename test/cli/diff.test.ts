import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { cli, folderOf, root } from './support.ts'

const images = ['ct-head-1.dcm', 'mr-brain.dcm', 'us-abdomen-jpeg.dcm'].map(name =>
  join('dicom-samples', name),
)
const verdict = z.looseObject({ path: z.enum(['direct', 'delayed']) })
const told = z.strictObject({
  files: z.int(),
  different: z.array(z.strictObject({ file: z.string(), old: verdict, new: verdict })),
  unreadable: z.array(z.unknown()),
})

const folder = folderOf({
  'same/r.yaml': `rules:
  - { name: another name, when: { Modality: CT }, route: ct, stick: PatientID }
  - { name: MR, when: { Modality: MR }, route: mr }
default: general
`,
  'new/r.yaml': `rules:
  - { name: site, when: { callingAE: SITE }, route: general }
  - { name: heads, when: { Modality: [CT, MR], BodyPartExamined: [HEAD, BRAIN] }, route: mr, stick: PatientID }
default: general
`,
})
const diff = (to: string, ...args: string[]) =>
  cli(['diff', 'agent/rules', join(folder, to), ...args], { cwd: root })

describe('diff', () => {
  test('finds nothing where only names are others', () => {
    const { code, stdout } = diff('same', 'dicom-samples')
    assert.equal(code, 0)
    assert.equal(stdout, '0 of 18 files treated differently\n')
  })

  test('tells which files would be treated differently, and how', () => {
    const { code, stdout } = diff('new', ...images)
    assert.equal(code, 1)
    assert.equal(
      stdout,
      `dicom-samples/ct-head-1.dcm
  - delayed, rule "CT", route ct, stick NGH-1001
  + delayed, rule "heads", route mr, stick NGH-1001
dicom-samples/mr-brain.dcm
  - delayed, rule "MR", route mr
  + delayed, rule "heads", route mr, stick NGH-1001
2 of 3 files treated differently
`,
    )
  })

  test('takes them for sent by whom the options say', () => {
    const { code, stdout } = diff('new', '--calling', 'SITE', '--json', ...images)
    assert.equal(code, 1)
    const { files, different } = told.parse(JSON.parse(stdout))
    assert.equal(files, 3)
    assert.deepEqual(
      different.map(({ new: { rule, path } }) => [rule, path]),
      [
        ['site', 'direct'],
        ['site', 'direct'],
        ['site', 'direct'],
      ],
    )
  })

  test('tells of other pools behind the first, and of refusals that became final', () => {
    const rules = (route: string, transient: string) => ({
      'r.yaml': `rules:\n  - { name: CT, when: { Modality: CT }, route: ${route} }\ndefault: { reject: { reason: temporary-congestion, transient: ${transient} } }\n`,
    })
    const [before, after] = [rules('[a, b]', 'true'), rules('[a, c]', 'false')].map(folderOf)
    const { stdout } = cli(['diff', before ?? '', after ?? '', ...images], { cwd: root })
    assert.match(
      stdout,
      /\n {2}- delayed, rule "CT", route a of a, b\n {2}\+ delayed, rule "CT", route a of a, c\n/,
    )
    assert.match(
      stdout,
      /\n {2}- .* reject temporary-congestion, transient\n {2}\+ .* reject temporary-congestion, permanent\n/,
    )
    assert.match(stdout, /\n3 of 3 files treated differently\n$/)
  })

  test('needs rules that can be read', () => {
    const broken = folderOf({ 'r.yaml': 'rules: [R]\n' })
    const { code, stdout } = cli(['diff', 'agent/rules', broken, ...images])
    assert.equal(code, 1)
    assert.match(stdout, /r\.yaml:1:9: rule "#1": the rule must be a map/)
  })
})
