import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { loadRules, RulesInvalid } from '../../agent/routing/index.ts'
import { problemsOf } from './support.ts'

/** A rule file, and all that is said about it: `line:column: …`. */
type Refused = [subject: string, file: string, ...problems: string[]]

function refuses(what: string, table: readonly Refused[]): void {
  describe(what, () => {
    for (const [subject, file, ...problems] of table) {
      test(subject, () => {
        assert.deepEqual(
          problemsOf({ 'r.yaml': file }),
          problems.map(problem => `r.yaml:${problem}`),
        )
      })
    }
  })
}

/** A rule of this `when`, on one line. */
const when = (conditions: string) => `rules:\n  - { name: R, when: { ${conditions} }, route: a }\n`
/** The column of its first condition. */
const at = '2:24'

/** A rule that does this, on one line. */
const rule = (outcome: string) => `rules:\n  - { name: R, ${outcome} }\n`

const noBackend = 'is no backend of HAProxy: use letters, digits and - _ . : only'
const unknownReason = (reason: string) =>
  `unknown reason "${reason}": one of no-reason-given, application-context-name-not-supported, calling-ae-title-not-recognized, called-ae-title-not-recognized, acse-no-reason-given, protocol-version-not-supported, temporary-congestion, local-limit-exceeded`

refuses('not YAML', [
  [
    'cut off',
    'rules: [',
    '1:9: not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  [
    'a key that stands twice',
    'default: a\ndefault: b\n',
    '2:1: not YAML: this key stands in this map already',
  ],
  ['tabs', 'rules:\n\t- name: a\n', '2:1: not YAML: indent with spaces, not with tabs'],
  [
    'two documents',
    'default: a\n---\ndefault: b\n',
    '2:1: not YAML: a second document begins here: put it into a file of its own',
  ],
  ['a tag of somebody else', 'default: !vault a\n', '1:10: not YAML: Unresolved tag: !vault'],
  ['an alias of nothing', 'default: *pool\n', '1:10: *pool stands for nothing: no &pool before it'],
  [
    'a text with a colon',
    'default: a\nrules:\n  - name: CT: heads\n    route: a\n',
    '3:11: not YAML: a colon too many in this line: quote a text that holds one, put a space behind -',
  ],
  ['Windows lines', 'rules: []\r\ndefault: !a b\r\n', '2:10: not YAML: Unresolved tag: !a'],
  ['a byte order mark', '\uFEFFdefault: !a b\n', '1:10: not YAML: Unresolved tag: !a'],
])

refuses('keys', [
  ['a number', 'pools:\n  007: {}\n', '2:3: 007 is a number in YAML: quote it: "007"'],
  ['null', 'pools:\n  NULL: {}\n', '2:3: NULL is null in YAML: quote it: "NULL"'],
  ['none', 'pools:\n  : {}\n', '2:3: a key is missing before this colon'],
  ['a list', '? [a]\n: b\n', '1:3: a key must be text'],
  ['that JavaScript would drop', when('__proto__: CT'), `${at}: "__proto__" cannot be a key`],
  [
    'unknown in the file',
    'rule: []\nDefault: a\n',
    '1:1: unknown key "rule": a rule file has pools, rules, default, mixed, undecided, tests; did you mean rules?',
    '2:1: unknown key "Default": a rule file has pools, rules, default, mixed, undecided, tests; did you mean default?',
  ],
  [
    'unknown in a rule',
    'rules:\n  - name: R\n    Modality: CT\n    route: a\n',
    '3:5: rule "R": Modality is a condition: indent it below when',
  ],
  [
    'unknown in a pool',
    'pools:\n  a: { AE: X }\n',
    '2:8: unknown key "AE": a pool has calledAE, callingAE, transferSyntaxes, sopClasses, maxPduLength',
  ],
  [
    'unknown in the default',
    'default: { pool: a }\n',
    '1:10: default needs either route: <pool> or reject: <reason>',
    '1:12: unknown key "pool": a default has route, reject, stick, mixed',
  ],
  [
    'merge keys',
    'rules:\n  - { name: R, <<: { route: a }, route: b }\n',
    '2:16: rule "R": unknown key "<<": a rule has name, description, enabled, when, route, reject, stick, mixed',
  ],
])

refuses('shapes', [
  ['a list for a file', '- name: a\n', '1:1: the file must be a map'],
  ['text for a file', 'route it\n', '1:1: the file must be a map'],
  ['sections', 'pools: []\nrules: {}\n', '1:8: pools must be a map', '2:8: rules must be a list'],
  [
    'nothing',
    'rules:\ndefault:\n',
    '1:7: rules has no value: give it one, or leave it out',
    '2:9: default has no value: give it one, or leave it out',
  ],
  ['no default', 'default:\n', '1:9: default has no value: give it one, or leave it out'],
  ['text for a rule', 'rules:\n  - R\n', '2:5: rule "#1": the rule must be a map'],
  ['no rule', 'rules:\n  -\n', '2:4: rule "#1": the rule has no value: give it one, or leave it out'],
  ['no name', 'rules:\n  - route: a\n', '2:5: rule "#1": name is missing'],
  ['an empty name', 'rules:\n  - { name: "", route: a }\n', '2:13: rule "": name is empty'],
  [
    'a name of two lines',
    'rules:\n  - { name: "a\\nb", route: a }\n',
    '2:13: rule "a\\nb": name holds a control character',
  ],
  [
    'no outcome',
    'rules:\n  - { name: R, when: {} }\n',
    '2:5: rule "R": the rule needs either route: <pool> or reject: <reason>',
  ],
  [
    'two outcomes',
    'rules:\n  - { name: R, route: a, reject: no-reason-given }\n',
    '2:5: rule "R": the rule needs either route: <pool> or reject: <reason>',
  ],
  [
    'two outcomes by default',
    'default: { route: a, reject: no-reason-given }\n',
    '1:10: default needs either route: <pool> or reject: <reason>',
  ],
  [
    'a stick to nothing',
    'rules:\n  - { name: R, reject: no-reason-given, stick: PatientID }\n',
    '2:48: rule "R": stick goes with route, not with reject',
  ],
  [
    'what becomes of other studies where all is refused',
    'rules:\n  - { name: R, reject: no-reason-given, mixed: follow }\ndefault: { reject: no-reason-given, mixed: refuse }\n',
    '2:48: rule "R": mixed goes with route, not with reject',
    '3:44: mixed goes with route, not with reject',
  ],
  [
    'neither with reject',
    'default: { reject: no-reason-given, stick: PatientID, mixed: refuse }\n',
    '1:44: stick goes with route, not with reject',
    '1:62: mixed goes with route, not with reject',
  ],
  [
    'no conditions',
    'rules:\n  - name: R\n    when:\n    route: a\n',
    '3:10: rule "R": when has no value: give it one, or leave it out',
  ],
  [
    'a list of conditions',
    'rules:\n  - { name: R, when: [a], route: a }\n',
    '2:22: rule "R": when must be a map',
  ],
])

refuses('values', [
  ['digits', when('callingAE: 0001'), '2:35: rule "R": 0001 is a number in YAML: quote it: "0001"'],
  [
    'digits among others',
    when('callingAE: [A, 1E5, 0x1F, .5]'),
    '2:39: rule "R": 1E5 is a number in YAML: quote it: "1E5"',
    '2:44: rule "R": 0x1F is a number in YAML: quote it: "0x1F"',
    '2:50: rule "R": .5 is a number in YAML: quote it: ".5"',
  ],
  [
    'a date of DICOM',
    when('StudyDate: 20240131'),
    '2:35: rule "R": 20240131 is a number in YAML: quote it: "20240131"',
  ],
  ['a boolean', when('PatientID: true'), '2:35: rule "R": true is a boolean in YAML: quote it: "true"'],
  ['null', when('PatientName: Null'), '2:37: rule "R": Null is null in YAML: quote it: "Null"'],
  ['no value', when('Modality: '), '2:35: rule "R": Modality has no value: give it one, or leave it out'],
  ['a list in a list', when('Modality: [[CT]]'), '2:35: rule "R": Modality must be text'],
  [
    'an empty list',
    when('Modality: []'),
    '2:34: rule "R": Modality is an empty list: fill it, or leave it out',
  ],
  ['a pool by number', 'default: 5\n', '1:10: 5 is a number in YAML: quote it: "5"'],
  [
    'behind an alias',
    'pools:\n  a: &a { calledAE: 1 }\n  b: *a\n',
    '2:21: 1 is a number in YAML: quote it: "1"',
  ],
])

refuses('conditions', [
  [
    'a keyword that nearly is one',
    when('Modalty: CT'),
    `${at}: rule "R": "Modalty" is not a DICOM keyword; did you mean Modality?`,
  ],
  [
    'a fact that nearly is one',
    when('CallingAE: A'),
    `${at}: rule "R": "CallingAE" is no fact; did you mean callingAE?`,
  ],
  [
    'a keyword, whatever its capitals, before those that it begins',
    when('rows: "1"'),
    `${at}: rule "R": "rows" is not a DICOM keyword; did you mean Rows, RowsForNthOrderCoefficients?`,
  ],
  [
    'dates that no dataset holds',
    when('StudyDate: [2024-01-31, "20240131", 2024.01.31, "2024*", 2024-*, 20240101-20240131]'),
    '2:36: rule "R": "2024-01-31" never matches: in datasets, a date is "20240131"; or use gte and lte',
    '2:81: rule "R": "2024-*" never matches: in datasets, a date is "20240131"; or use gte and lte',
    '2:89: rule "R": "20240101-20240131" never matches: in datasets, a date is "20240131"; or use gte and lte',
  ],
  [
    'ages that no dataset holds',
    when('PatientAge: { not: [18Y, 018Y, "0?8Y", "*M"] }'),
    '2:44: rule "R": "18Y" never matches: in datasets, an age is "018Y" or "006M"; or use gte and lte',
  ],
  [
    'what might be a fact',
    when('implVersion: A'),
    `${at}: rule "R": "implVersion" is not a DICOM keyword; the facts of an association are callingAE, calledAE, source, tlsClientCN, sopClass, transferSyntax, implementation, dimse, time`,
  ],
  [
    'what every object has',
    when('constructor: A, toString: B'),
    `${at}: rule "R": "constructor" is not a DICOM keyword`,
    '2:40: rule "R": "toString" is not a DICOM keyword',
  ],
  [
    'a tag that is none',
    when('"(0008,006)": A'),
    `${at}: rule "R": "(0008,006)" is neither (gggg,eeee) nor (gggg,xxee CREATOR)`,
  ],
  [
    'a tag that is not sent',
    when('"(0002,0010)": A'),
    `${at}: rule "R": group 0002 is not part of the datasets that are sent`,
  ],
  [
    'networks',
    when('source: [10.0.0.0/33, pacs.local, 10.1.2, 1.2.3.4/8/9, "fe80::1%eth0", 10.0.0.0/]'),
    ...[
      [33, '10.0.0.0/33'],
      [46, 'pacs.local'],
      [58, '10.1.2'],
      [66, '1.2.3.4/8/9'],
      [79, 'fe80::1%eth0'],
      [95, '10.0.0.0/'],
    ].map(
      ([column, value]) =>
        `2:${column}: rule "R": "${value}" is no address or network, such as 10.1.2.3, 10.1.0.0/16 or 2001:db8::/32`,
    ),
  ],
  [
    'SOP classes',
    when('sopClass: [CT, Encapsulated PDF, CT*, Foo]'),
    '2:35: rule "R": unknown SOP class "CT": did you mean "CT Image Storage"?',
    '2:39: rule "R": unknown SOP class "Encapsulated PDF": did you mean "Encapsulated PDF Storage"?',
    '2:57: rule "R": unknown SOP class "CT*": * and ? stand in UIDs only',
    '2:62: rule "R": unknown SOP class "Foo": use its UID, or its name in PS3.6',
  ],
  [
    'a title that is too long',
    when('calledAE: [ABCDEFGHIJKLMNOP*, ABCDEFGHIJKLMNOPQ]'),
    '2:54: rule "R": "ABCDEFGHIJKLMNOPQ" can never match: AE titles have at most 16 characters',
  ],
])

refuses('outcomes and pools', [
  ['a reason', 'default: { reject: toString }\n', `1:20: ${unknownReason('toString')}`],
  [
    'a reason in a map',
    rule('reject: { reason: busy, transient: true }'),
    `2:34: rule "R": ${unknownReason('busy')}`,
  ],
  ['no reason in a map', rule('reject: { transient: true }'), '2:24: rule "R": reason is missing'],
  [
    'what is no rejection',
    rule('reject: { reason: no-reason-given, transient: 1, permanent: true }'),
    '2:62: rule "R": transient must be true or false',
    '2:65: rule "R": unknown key "permanent": a rejection has reason, transient',
  ],
  [
    'a list of reasons',
    rule('reject: [no-reason-given]'),
    '2:24: rule "R": reject must be a reason, or a map',
  ],
  ['a reason by number', rule('reject: 1'), '2:24: rule "R": 1 is a number in YAML: quote it: "1"'],
  ['a backend', 'default: ct servers\n', `1:10: route ${noBackend}`],
  [
    'backends in a list',
    rule('route: [a, "b c", 007, [d], b c, a]'),
    `2:27: rule "R": route ${noBackend}`,
    '2:34: rule "R": 007 is a number in YAML: quote it: "007"',
    '2:39: rule "R": route must be text',
    `2:44: rule "R": route ${noBackend}`,
  ],
  ['names in a list', rule('route: [a, "b c", a]'), `2:27: rule "R": route ${noBackend}`],
  ['a backend twice', rule('route: [a, b, a]'), '2:30: rule "R": a stands in this list already'],
  ['an empty list', rule('route: []'), '2:23: rule "R": route is an empty list: name a pool'],
  ['an empty list by default', 'default: []\n', '1:10: route is an empty list: name a pool'],
  [
    'backends with weights',
    rule('route: { a b: 1, c: 2, "": 0 }'),
    `2:25: rule "R": "a b" ${noBackend}`,
    '2:39: rule "R": "" is empty',
  ],
  [
    'weights',
    rule('route: { a: 1.5, b: -1, c: "5", d: }'),
    ...[
      [28, 'a'],
      [36, 'b'],
      [43, 'c'],
    ].map(
      ([column, pool]) => `2:${column}: rule "R": ${pool} must be a weight: a whole number, or 0 for none`,
    ),
    '2:51: rule "R": d has no value: give it one, or leave it out',
  ],
  ['no weight', rule('route: { a: 0, b: 0 }'), '2:23: rule "R": route gives no pool a weight above 0'],
  ['no pool', rule('route: {}'), '2:23: rule "R": route gives no pool a weight above 0'],
  ['a route by number', rule('route: 5'), '2:23: rule "R": 5 is a number in YAML: quote it: "5"'],
  ['a route to nothing', rule('route: '), '2:24: rule "R": route has no value: give it one, or leave it out'],
  [
    'what sticks',
    'rules:\n  - { name: R, route: a, stick: PatentID }\n',
    '2:33: rule "R": "PatentID" is not a DICOM keyword; did you mean PatientID?',
  ],
  [
    'what sticks among others',
    rule('route: a, stick: [callingAE, PatentID, 5]'),
    '2:55: rule "R": 5 is a number in YAML: quote it: "5"',
  ],
  [
    'keywords among others',
    rule('route: a, stick: [callingAE, PatentID]'),
    '2:45: rule "R": "PatentID" is not a DICOM keyword; did you mean PatientID?',
  ],
  [
    'nothing in a list',
    rule('route: a, stick: []'),
    '2:33: rule "R": stick is an empty list: name an attribute, or leave it out',
  ],
  ['a map', rule('route: a, stick: { a: b }'), '2:33: rule "R": stick must be text or a list of texts'],
  ['where the undecided go', 'undecided: [a]\n', '1:12: undecided must be text'],
  ['a backend for them', 'undecided: "a b"\n', `1:12: undecided ${noBackend}`],
  [
    'what becomes of other studies',
    'mixed: instances\nrules:\n  - { name: R, route: a, mixed: Follow }\n  - { name: S, route: a, mixed: [refuse] }\ndefault: { route: a, mixed: yes }\n',
    '1:8: mixed must be one of refuse, follow, instance',
    '3:33: rule "R": mixed must be one of refuse, follow, instance',
    '4:33: rule "S": mixed must be one of refuse, follow, instance',
    '5:29: mixed must be one of refuse, follow, instance',
  ],
  [
    'no value of mixed',
    'mixed:\nrules:\n  - { name: R, route: a, mixed: }\n',
    '1:7: mixed has no value: give it one, or leave it out',
    '3:33: rule "R": mixed has no value: give it one, or leave it out',
  ],
  [
    'a name twice',
    'rules:\n  - { name: R, route: a }\n  - { name: R, route: b }\n',
    '3:13: rule "R": another rule has this name: choose another',
  ],
  [
    'the name of the default',
    'rules:\n  - { name: default, route: a }\n',
    '2:13: rule "default": the default has this name: choose another',
  ],
  [
    'the name of what is undecided',
    'rules:\n  - { name: undecided, route: a }\n',
    '2:13: rule "undecided": what `undecided:` says has this name: choose another',
  ],
  [
    'a pool',
    'pools:\n  a b: {}\n  c:\n',
    '2:3: "a b" is no backend of HAProxy: use letters, digits and - _ . : only',
    '3:5: c has no value: give it one, or leave it out',
  ],
  [
    'an AE title',
    'pools:\n  a: { calledAE: A\\B }\n',
    '2:18: "A\\B" is no AE title: 1 to 16 characters of ASCII, without backslash',
  ],
  [
    'an AE title of spaces',
    'pools:\n  a: { calledAE: "  " }\n',
    '2:18: "  " is no AE title: 1 to 16 characters of ASCII, without backslash',
  ],
  [
    'a calling AE title',
    'pools:\n  a: { callingAE: SEVENTEEN_LETTERS }\n',
    '2:19: "SEVENTEEN_LETTERS" is no AE title: 1 to 16 characters of ASCII, without backslash',
  ],
  [
    'SOP classes of a pool',
    'pools:\n  a: { sopClasses: [CT, 1.2.3, MR Image Storage, 1.2.*, Foo] }\n  b: { sopClasses: [] }\n  c: { sopClasses: CT }\n',
    '2:21: unknown SOP class "CT": did you mean "CT Image Storage"?',
    '2:50: unknown SOP class "1.2.*": * and ? stand in conditions only',
    '2:57: unknown SOP class "Foo": use its UID, or its name in PS3.6',
    '3:20: sopClasses is an empty list: nothing could ever be sent',
    '4:20: sopClasses must be a list',
  ],
  [
    'transfer syntaxes',
    'pools:\n  a: { transferSyntaxes: [JPEG, 1.2.3] }\n  b: { transferSyntaxes: [] }\n  c: { transferSyntaxes: JPEG }\n',
    '2:27: unknown transfer syntax "JPEG": use its UID',
    '3:26: transferSyntaxes is an empty list: nothing could ever be sent',
    '4:26: transferSyntaxes must be a list',
  ],
  [
    'lengths',
    `pools:\n${['16k', '-1', '1.5', '4294967296', 'true'].map((value, index) => `  p${index}: { maxPduLength: ${value} }\n`).join('')}`,
    ...[2, 3, 4, 5, 6].map(line => `${line}:23: maxPduLength must be a whole number of bytes, or 0 for any`),
  ],
])

describe('several files', () => {
  test('all that is wrong is told at once, in the order of files and lines', () => {
    const problems = problemsOf({
      '2.yaml':
        'pools: { a: {} }\nrules:\n  - { name: R, route: b }\n  - { name: S, route: 1 }\n  - { name: T, when: { Foo: x }, route: a }\ndefault: c\n',
      '1.yaml': 'pools: { a: {} }\nrules: [{ name: R, route: a }]\ndefault: a\n',
      '3.yaml': 'a: b: c\n',
      '4.yml': 'default: d\n',
    })
    assert.deepEqual(problems, [
      '2.yaml:1:10: pool a is declared in another file already',
      '2.yaml:3:13: rule "R": another rule has this name: choose another',
      '2.yaml:4:23: rule "S": 1 is a number in YAML: quote it: "1"',
      '2.yaml:5:24: rule "T": "Foo" is not a DICOM keyword',
      '2.yaml:6:1: another file has a default already',
      '3.yaml:1:4: not YAML: a colon too many in this line: quote a text that holds one, put a space behind -',
      '4.yml:1:1: another file has a default already',
    ])
  })

  test('mixed is set by one of them', () => {
    const problems = problemsOf({
      '1.yaml': 'mixed: instances\n',
      '2.yaml': 'default: a\nmixed: follow\n',
      '3.yaml': 'mixed: refuse\n',
    })
    assert.deepEqual(problems, [
      '1.yaml:1:8: mixed must be one of refuse, follow, instance',
      '2.yaml:2:1: another file sets mixed already',
      '3.yaml:1:1: another file sets mixed already',
    ])
  })

  test('undecided is set by one of them', () => {
    const problems = problemsOf({ '1.yaml': 'undecided: a\n', '2.yaml': 'undecided: refuse\n' })
    assert.deepEqual(problems, ['2.yaml:1:1: another file sets undecided already'])
  })

  test('bytes that are not UTF-8', () => {
    const notUtf8 = 'is not UTF-8: save it as UTF-8'
    const problems = problemsOf({
      'latin1.yaml': Buffer.from('default: Übung', 'latin1'),
      'utf16.yaml': Buffer.from('\uFEFFdefault: a', 'utf16le'),
    })
    assert.deepEqual(problems, [`latin1.yaml:1:1: ${notUtf8}`, `utf16.yaml:1:1: ${notUtf8}`])
  })

  test('in which nothing decides', () => {
    const rules = 'rules: [{ name: R, route: a, enabled: false }]\n'
    for (const files of [{ 'r.yaml': '' }, { 'p.yaml': 'pools: { a: {} }', 'r.yaml': rules }]) {
      const [problem = '', ...others] = problemsOf(files)
      assert.match(
        problem,
        /:1:1: neither rules that are on nor a default: every association would be refused/,
      )
      assert.deepEqual(others, [])
    }
  })

  test('none at all, and one that cannot be read', () => {
    const folder = mkdtempSync(join(tmpdir(), 'rules-'))
    try {
      const problem = (message: string) => (error: unknown) =>
        error instanceof RulesInvalid && error.code === 'RULES_INVALID' && error.message === message
      assert.throws(
        () => loadRules(folder),
        problem(`${folder}:1:1: no rule files here: add one that ends in .yaml`),
      )
      mkdirSync(join(folder, 'a.yaml'))
      assert.throws(
        () => loadRules(folder),
        problem(
          `${folder}/a.yaml:1:1: cannot be read: Error: EISDIR: illegal operation on a directory, read`,
        ),
      )
      assert.throws(() => loadRules(join(folder, 'none')), { code: 'ENOENT' })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('hundreds of aliases of one list are not taken for an attack', () => {
    const pools = Array.from({ length: 300 }, (_, index) => `  p${index}: *accepts\n`)
    const file = `pools:\n  a: &accepts { transferSyntaxes: [Explicit VR Little Endian] }\n${pools.join('')}default: a\n`
    assert.deepEqual(problemsOf({ 'r.yaml': file }), [])
  })
})
