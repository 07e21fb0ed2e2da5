//! The blocks of `template.yaml`: policies, functions with their roles and logs, and the lists of
//! all functions in the alarm on throttles and in the dashboard.

use std::fmt::Write;

use lanyard_functions::{FUNCTIONS, Function, Route};

use crate::blocks::Block;
use crate::policies;

pub(crate) fn blocks() -> Vec<Block> {
    let functions = FUNCTIONS
        .iter()
        .map(|function| format!("\n{}\n{}\n{}", resource(function), role(function), log(function)));
    vec![
        Block { name: "policies", text: policies::shared() },
        Block { name: "functions", text: functions.collect() },
        Block { name: "throttles", text: throttles() },
        Block { name: "dashboard", text: dashboard() },
    ]
}

/// The function and what calls it.
fn resource(function: &Function) -> String {
    let Function { name, description, .. } = function;
    let id = function.logical_id();
    let mut text = format!(
        "  {id}:
    Type: AWS::Serverless::Function
    Metadata:
      BuildMethod: rust-cargolambda
      BuildProperties: {{ Binary: {name} }}
    Properties:
      CodeUri: functions/{name}
      FunctionName: !Sub ${{AWS::StackName}}-{name}
      Description: {description}
"
    );
    if let Some(parameter) = function.memory {
        let _ = writeln!(text, "      MemorySize: !Ref {parameter}");
    }
    match function.timeout_s {
        Some(seconds) => {
            let _ = writeln!(text, "      Timeout: {seconds}");
        }
        None if function.is_streamed => text.push_str("      Timeout: !Ref FunctionTimeout\n"),
        None => {}
    }
    if let Some(concurrency) = function.concurrency {
        let (condition, parameter) = (concurrency.condition, concurrency.parameter);
        let choice = format!("!If [{condition}, !Ref {parameter}, !Ref AWS::NoValue]");
        let _ = writeln!(text, "      ReservedConcurrentExecutions: {choice}");
    }
    let _ = writeln!(text, "      Role: !GetAtt {id}Role.Arn");
    let _ = writeln!(text, "      LoggingConfig: {{ LogGroup: !Ref {id}Logs }}");
    if function.schedule.is_some() {
        text.push_str(NO_RETRY);
    }
    text.push_str("      Events:\n");
    for route in function.paths() {
        text.push_str(&event(function, &route));
    }
    if let Some(schedule) = function.schedule {
        let _ = write!(
            text,
            "        {}:
          Type: Schedule
          Properties:
            Description: {}
            Schedule: rate({})
",
            schedule.event, schedule.description, schedule.rate
        );
    }
    text
}

const NO_RETRY: &str = "      \
      # The next run does what this one missed. A retry would run beside it.
      EventInvokeConfig:
        MaximumEventAgeInSeconds: 60
        MaximumRetryAttempts: 0
";

/// API Gateway waits as long as the function may run. CloudFormation cannot multiply.
const STREAMED: &str = ",
            ResponseTransferMode: RESPONSE_STREAM,
            TimeoutInMillis: !If [RunsFor900, 900000, !If [RunsFor600, 600000, 300000]]";

fn event(function: &Function, Route { event, path, .. }: &Route) -> String {
    let call = format!("{{ RestApiId: !Ref Api, Path: \"{path}\", Method: ANY");
    let streamed = if function.is_streamed { STREAMED } else { "" };
    format!("        {event}:\n          Type: Api\n          Properties: {call}{streamed} }}\n")
}

/// What the function may do.
fn role(function: &Function) -> String {
    let id = function.logical_id();
    let shared: String =
        function.policies.iter().map(|policy| format!("!Ref {}Policy, ", policy.name)).collect();
    let own = function.own_policy.as_ref().map(|policy| {
        format!(
            "        - PolicyName: {}
          PolicyDocument:
            Version: \"2012-10-17\"
            Statement:
{}",
            policy.name,
            policies::lines(policy.statements, "              ")
        )
    });
    format!(
        "  {id}Role:
    Type: AWS::IAM::Role
    Properties:
      Description: What {} may do.
      AssumeRolePolicyDocument:
        Version: \"2012-10-17\"
        Statement: [{{ Effect: Allow, Action: sts:AssumeRole, Principal: {{ Service: lambda.amazonaws.com }} }}]
      ManagedPolicyArns: [{shared}!If [IsTraced, !Ref TracePolicy, !Ref AWS::NoValue]]
      Policies:
        - PolicyName: Log
          PolicyDocument:
            Version: \"2012-10-17\"
            Statement:
              - {{ Effect: Allow, Action: [logs:CreateLogStream, logs:PutLogEvents], Resource: !GetAtt {id}Logs.Arn }}
{}",
        function.name,
        own.unwrap_or_default()
    )
}

fn log(function: &Function) -> String {
    format!(
        "  {}Logs:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: !Sub /aws/lambda/${{AWS::StackName}}-{}
      RetentionInDays: !Ref LogRetentionDays
      KmsKeyId: !If [HasKey, !Ref EncryptionKey, !Ref AWS::NoValue]
",
        function.logical_id(),
        function.name
    )
}

/// The metric of the alarm on throttles.
fn throttles() -> String {
    let names: Vec<_> = FUNCTIONS
        .iter()
        .map(|function| format!("            FunctionName = '${{{}}}'", function.logical_id()))
        .collect();
    format!(
        "          Expression: !Sub >-
            SELECT SUM(Throttles) FROM SCHEMA(\"AWS/Lambda\", FunctionName) WHERE
{}
",
        names.join(" OR\n")
    )
}

/// The functions whose graphs the dashboard shows.
fn dashboard() -> String {
    let names: Vec<_> =
        FUNCTIONS.iter().map(|function| format!(r#"\"${{{}}}\""#, function.logical_id())).collect();
    format!("        - Functions: !Sub '({})'\n", names.join(" OR "))
}
