"""Breaks template.yaml in one place at a time and expects expanded.py to report it.

    python tests/template/mutations.py template.yaml
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

from expanded import check

# The changed text, its first place, and a part of the expected message.
MUTATIONS = [
    ("ResponseTransferMode: RESPONSE_STREAM", "ResponseTransferMode: STREAM", "is streamed: False"),
    ("TimeoutInMillis: !If [RunsFor900, 900000,", "TimeoutInMillis: !If [RunsFor900, 29000,", "ends before its function"),
    ("Timeout: !Ref FunctionTimeout", "Timeout: 30", "has its own time limit"),
    ("Role: !GetAtt EventRole.Arn", "Role: !GetAtt ModelsRole.Arn", "Event has no role of its own"),
    ("LogGroup: !Ref EventLogs", "LogGroup: !Ref ModelsLogs", "Event has no log group of its own"),
    ("LogFormat: JSON", "LogFormat: Text", "logs no JSON"),
    ("Action: dynamodb:GetItem", "Action: dynamodb:Get*", "has a wildcard"),
    ("Action: dynamodb:GetItem", "Action: dynamodb:Scan", "scans"),
    ('"Null": { dynamodb:LeadingKeys: "false" }', '"Null": { dynamodb:LeadingKeys: "true" }', "without any key"),
    ('["CODE#*", "EVENT#*"]', '["*"]', "is not limited to partitions"),
    ("Resource: !GetAtt Table.Arn", 'Resource: "*"', "on anything"),
    ("!Ref AccountPolicy", "arn:aws:iam::aws:policy/AmazonSSMFullAccess", "takes a policy of AWS's"),
    ("    Description: Requests that each route takes at once.\n", "", "Burst has no description"),
    (", Tracing]", "]", "not every parameter stands in one group"),
    ("      KmsKeyId: !If [HasKey, !Ref EncryptionKey, !Ref AWS::NoValue]\n", "", "AccessLogs has another key"),
    ("KMSMasterKeyId: !If [HasKey, !Ref EncryptionKey, !Ref AWS::NoValue]", "KMSMasterKeyId: alias/other", "Table has another key"),
    ("AlarmActions: [!If [HasTopic, !Ref AlarmTopic, !Ref Alarms]]", "AlarmActions: []", "tells nobody"),
    ("FunctionName = '${Models}' OR", "", "FunctionThrottlesAlarm leaves Models out"),
    (r"OR \"${Admin}\"", "", "the dashboard leaves Admin out"),
]


def main(path):
    template = Path(path).read_text()
    # An expansion takes ten seconds of one processor.
    with ProcessPoolExecutor() as processes:
        missed = list(filter(None, processes.map(fault, repeat(template), MUTATIONS)))
    for miss in missed:
        print(miss)
    if missed:
        sys.exit(f"{len(missed)} of {len(MUTATIONS)} mutations were not seen")
    print(f"{len(MUTATIONS)} mutations, each seen")


def fault(template, mutation):
    """Why a mutation was not seen. None if it was."""
    before, after, said = mutation
    if before not in template:
        return f"there is no {before!r} to be changed"
    problems, _ = check(template.replace(before, after, 1))
    if any(said in problem for problem in problems):
        return None
    return f"{before!r} became {after!r} and nobody said {said!r}: {problems}"


if __name__ == "__main__":
    main(*sys.argv[1:])
