"""Checks of template.yaml as SAM expands it.

The tools' own checks pass over most of this: a misspelt transfer mode deploys a buffered route, and a role that SAM
makes may write every log of the account. Needs the package aws-sam-translator and no account.

    python tests/template/expanded.py template.yaml
"""

import json
import logging
import os
import sys
from pathlib import Path

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

# CloudFormation's own limits, https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
# It takes 500 resources, and API Gateway 300 in an API. What is left is room for an operator's own.
MOST_RESOURCES = 420
MOST_API_RESOURCES = 270
MOST_BYTES = 1_000_000
LONGEST_DESCRIPTION = 1024

# Actions that know no resource.
ON_ANYTHING = {"sts:GetWebIdentityToken", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}

PROBLEMS = []


class NoManagedPolicies:
    """SAM asks for AWS's own policies by name. The template may use none."""

    def load(self):
        return {}


def main(path):
    problems, summary = check(Path(path).read_text())
    for problem in problems:
        print(problem)
    if problems:
        sys.exit(f"{len(problems)} problems in {path}")
    print(f"{summary}: as they should be")


def check(text):
    """Every fault of a template, and a summary of its expansion."""
    PROBLEMS.clear()
    logging.disable(logging.WARNING)
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    template = yaml_parse(text)
    declared = template["Resources"]
    for resource in declared.values():
        if resource["Type"] == "AWS::Serverless::Function":
            # The value with which `sam build` replaces the folder.
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    defaults = {name: parameter["Default"] for name, parameter in template["Parameters"].items()}
    proxied = set(streaming(declared))
    expanded = transform(template, defaults, NoManagedPolicies())
    resources = expanded["Resources"]
    check_size(expanded)
    check_parameters(expanded)
    check_functions(resources)
    check_encryption(resources)
    check_policies(resources)
    check_routes(resources, proxied)
    check_alarms(resources)
    routes = sum(len(methods) for methods in paths(resources).values())
    summary = f"{len(resources)} resources, {routes} routes, {len(json.dumps(expanded)):,} bytes"
    return list(PROBLEMS), summary


def streaming(resources):
    """The functions that may run longer than API Gateway waits for a buffered response, and the pages, which are sent
    compressed."""
    for name, resource in resources.items():
        is_relay = resource["Type"] == "AWS::Serverless::Function" and "MemorySize" in resource["Properties"]
        if is_relay or name == "Pages":
            yield name


def expect(holds, problem):
    if not holds:
        PROBLEMS.append(problem)


def of_type(resources, kind):
    return {name: r["Properties"] for name, r in resources.items() if r["Type"] == kind}


def check_size(expanded):
    resources = expanded["Resources"]
    expect(len(resources) <= MOST_RESOURCES, f"{len(resources)} resources are too many")
    in_api = api_resources(paths(resources))
    expect(len(in_api) <= MOST_API_RESOURCES, f"{len(in_api)} resources of the API are too many")
    expect(len(json.dumps(expanded)) < MOST_BYTES, "the template is too large")


def check_parameters(expanded):
    parameters = expanded["Parameters"]
    for name, parameter in parameters.items():
        expect(parameter.get("Description"), f"the parameter {name} has no description")
        expect("Default" in parameter, f"the parameter {name} has no default")
    groups = expanded["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    expect(sorted(grouped) == sorted(parameters), "not every parameter stands in one group")


def check_functions(resources):
    functions = of_type(resources, "AWS::Lambda::Function")
    logs = of_type(resources, "AWS::Logs::LogGroup")
    roles, groups = set(), set()
    for name, function in functions.items():
        role = function["Role"].get("Fn::GetAtt", [None])[0]
        expect(role == f"{name}Role" and role in resources, f"{name} has no role of its own")
        logging = function["LoggingConfig"]
        group = logging["LogGroup"].get("Ref")
        expect(group == f"{name}Logs", f"{name} has no log group of its own")
        expect(logging["LogFormat"] == "JSON", f"{name} logs no JSON")
        expect(logging["ApplicationLogLevel"] == "TRACE", f"Lambda filters the lines of {name}")
        expect("RetentionInDays" in logs.get(group, {}), f"the log of {name} is kept for ever")
        own = {"Fn::Sub": "/aws/lambda/" + function["FunctionName"]["Fn::Sub"]}
        expect(logs.get(group, {}).get("LogGroupName") == own, f"the log of {name} has another's name")
        roles.add(role)
        groups.add(group)
    expect(len(roles) == len(groups) == len(functions), "functions share a role or a log group")
    unused = set(of_type(resources, "AWS::IAM::Role")) - roles
    expect(not unused, f"there are roles that are no function's: {unused}")


def check_encryption(resources):
    """The table and every log take the organiser's key, if there is one."""
    key = {"Fn::If": ["HasKey", {"Ref": "EncryptionKey"}, {"Ref": "AWS::NoValue"}]}
    for name, group in of_type(resources, "AWS::Logs::LogGroup").items():
        expect(group.get("KmsKeyId") == key, f"{name} has another key")
    for name, table in of_type(resources, "AWS::DynamoDB::Table").items():
        encryption = table["SSESpecification"]
        expect(encryption["SSEEnabled"] and encryption.get("KMSMasterKeyId") == key, f"{name} has another key")


def check_policies(resources):
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            check_document(f"{name}, {policy['PolicyName']}", policy["PolicyDocument"])
        for arn in role.get("ManagedPolicyArns", []):
            # An ARN in text would be a foreign policy, such as the one that may write every log.
            expect("arn:" not in json.dumps(arn), f"{name} takes a policy of AWS's: {arn}")
    for name, policy in of_type(resources, "AWS::IAM::ManagedPolicy").items():
        check_document(name, policy["PolicyDocument"])


def check_document(place, document):
    for statement in document["Statement"]:
        branch = statement.get("Fn::If")
        for each in branch[1:] if branch else [statement]:
            if "Effect" in each:
                check_statement(place, each)


def check_statement(place, statement):
    actions = statement["Action"]
    actions = [actions] if isinstance(actions, str) else actions
    for action in actions:
        expect("*" not in action, f"{place}: the action {action} has a wildcard")
        expect(not action.endswith(":Scan"), f"{place}: scans")
        if action.startswith("dynamodb:"):
            condition = statement.get("Condition", {})
            keys = condition.get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])
            present = condition.get("Null", {}).get("dynamodb:LeadingKeys")
            expect(keys and "*" not in keys, f"{place}: {action} is not limited to partitions")
            expect(present == "false", f"{place}: {action} is allowed without any key")
    resource = json.dumps(statement["Resource"])
    is_wild = '"*"' in resource or ":*" in resource
    expect(not is_wild or set(actions) <= ON_ANYTHING, f"{place}: {actions} on anything")


def api_resources(paths):
    """API Gateway makes a resource of each part of each path, and one for the root."""
    parts = [path.strip("/").split("/") for path in paths]
    return {"/"} | {"/".join(path[:end]) for path in parts for end in range(1, len(path) + 1)}


def paths(resources):
    [api] = of_type(resources, "AWS::ApiGateway::RestApi").values()
    return api["Body"]["paths"]


def check_routes(resources, proxied):
    expect(proxied, "no function is proxied")
    for path, methods in paths(resources).items():
        for method, operation in methods.items():
            integration = operation["x-amazon-apigateway-integration"]
            uri = json.dumps(integration["uri"])
            function = next((name for name in proxied if f"${{{name}.Arn}}" in uri), None)
            is_streamed = integration.get("responseTransferMode") == "STREAM"
            expect(is_streamed == (function is not None), f"{path} is streamed: {is_streamed}")
            invoked = "response-streaming-invocations" in uri
            expect(invoked == is_streamed, f"{path} invokes its function otherwise than it answers")
            if function:
                for seconds in (300, 600, 900):
                    waits = chosen(integration["timeoutInMillis"], f"RunsFor{seconds}")
                    expect(waits == seconds * 1000, f"{path} ends before its function")
                limit = resources[function]["Properties"]["Timeout"]
                expect(limit in (900, {"Ref": "FunctionTimeout"}), f"{function} has its own time limit")
            expect(method == "x-amazon-apigateway-any-method", f"{path} takes only some methods")
    stages = of_type(resources, "AWS::ApiGateway::Stage").values()
    expect([stage["StageName"] for stage in stages] == ["api"], "there is not just the stage api")


def chosen(value, condition):
    """Resolves nested choices under this one condition."""
    while isinstance(value, dict):
        name, one, other = value["Fn::If"]
        value = one if name == condition else other
    return value


def check_alarms(resources):
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    expect(alarms, "there are no alarms")
    for name, alarm in alarms.items():
        words = alarm["AlarmDescription"]
        expect(60 < len(words) <= LONGEST_DESCRIPTION, f"{name} does not say what to do")
        expect(alarm["AlarmActions"], f"{name} tells nobody")
        expect("TreatMissingData" in alarm, f"{name} does not say what silence means")
    functions = set(of_type(resources, "AWS::Lambda::Function"))
    throttles = alarms["FunctionThrottlesAlarm"]["Metrics"][0]["Expression"]["Fn::Sub"]
    [board] = of_type(resources, "AWS::CloudWatch::Dashboard").values()
    body, variables = board["DashboardBody"]["Fn::Sub"]
    for name in functions:
        expect(f"'${{{name}}}'" in throttles, f"FunctionThrottlesAlarm leaves {name} out")
        expect(f"${{{name}}}" in variables["Functions"]["Fn::Sub"], f"the dashboard leaves {name} out")
    # As CloudFormation would fill it in, it must be JSON.
    filled = body.replace("${Functions}", "x")
    expect(json.loads(filled)["widgets"], "the dashboard is empty")


if __name__ == "__main__":
    main(*sys.argv[1:])
