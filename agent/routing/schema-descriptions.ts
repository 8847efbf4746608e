/** What editors show of each key of a rule file. */
export const descriptions: Readonly<Record<string, string>> = {
  // of a rule file
  pools: 'What the PACS nodes of each pool accept, by the name of the backend in haproxy/pacs.cfg',
  rules: 'The first rule that matches decides. The files of a folder are read in the order of their names',
  default: 'What no rule matches: a pool, { route: POOL } or { reject: REASON }. Without it, that is refused',
  undecided: 'Where a dataset goes whose head does not decide: a pool, or refuse',
  mixed: 'What becomes of a later instance of an association that belongs to another pool',
  tests: 'Given facts and attributes, and what is expected then. Rules whose own tests fail are not loaded',

  // of a rule
  name: 'For logs and messages. Keep patients out of it',
  description: 'What the rule is for',
  enabled: 'false switches the rule off',
  when: 'Conditions, all of which must hold; none means always',
  route:
    'A backend of haproxy/pacs.cfg; a list, of which the first that has a live server; or a map of pools and weights',
  reject:
    'The reason of the refusal. By the association alone it is an A-ASSOCIATE-RJ, by the dataset an A-ABORT',
  reason: 'The reason of the refusal',
  transient: 'Whether clients are to try again',
  stick: 'A fact or attribute, or a list of them: the same values go to the same node of the pool',

  // of conditions
  callingAE: 'The calling AE title',
  calledAE: 'The called AE title',
  source: "The client's address, or in conditions also a network: 10.1.2.3, 10.1.0.0/16, 2001:db8::/32",
  tlsClientCN: "The common name in the client's certificate, where it comes by TLS",
  sopClass: 'A SOP class that the client proposes, by UID or by its name in PS3.6',
  transferSyntax: 'A transfer syntax that the client proposes, by UID or by its name in PS3.6',
  implementation: "The client's implementation class UID or version name",
  dimse: 'The first command: C-STORE, C-FIND',
  time: 'When the association is asked for',
  days: 'Days of the week',
  from: 'From this time of the day on, in quotes',
  to: 'Up to this time of the day, in quotes; earlier than from: on the next day',
  zone: 'The time zone, such as Europe/Zurich',
  all: 'All of these maps of conditions hold',
  any: 'One of these maps of conditions holds',
  not: 'This does not hold',
  is: 'One of these values; * stands for any characters, ? for one',
  matches: 'A regular expression',
  contains: 'A part of the value',
  startsWith: 'The beginning of the value',
  gte: 'At least: a number, date, time or age',
  lte: 'At most: a number, date, time or age',
  gt: 'More than this number, date, time or age',
  lt: 'Less than this number, date, time or age',
  exists: 'Whether there is a value',
  ignoreCase: 'Capitals do not matter',

  // of a pool
  transferSyntaxes:
    'What the nodes accept, by name in PS3.6 or by UID. Without any of the three, they are asked',
  sopClasses: 'What the nodes accept, by name in PS3.6 or by UID. Without it, any',
  maxPduLength: 'In bytes; 0 is unlimited',

  // of a test
  given: 'Facts of the association and attributes of its first dataset. What is not given is not there',
  expect: 'What the rules are to do then: all that is said here must be so',
  rule: 'The name of the rule that decides',
  path: 'direct: the association alone decides. delayed: the first dataset has to be there',
}
