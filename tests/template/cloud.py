"""moto's AWS on a port of loopback, which expands SAM templates as CloudFormation does.

moto does not expand them, and leaves out some of what CloudFormation does. What is added here is said at each place;
nothing of the template is changed.
"""

import functools
import json
import logging
import os
import re
import threading
import warnings

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from moto.apigateway import models as api_gateway
from moto.cloudformation import models as cloudformation
from moto.cloudformation import parsing
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse
from werkzeug.serving import WSGIRequestHandler, make_server

# What it says of resource types that it does not know; LEFT_OUT of deployed.py names those.
logging.getLogger("moto").setLevel(logging.ERROR)
logging.getLogger("samtranslator").setLevel(logging.ERROR)
warnings.simplefilter("ignore")


class NoManagedPolicies:
    """SAM asks for AWS's own policies by name. The template may use none."""

    def load(self):
        return {}


# The key of a package: CloudFormation's resources do not depend on its digest.
KEY = re.compile(r"lanyard/([a-z-]+)-([0-9a-f]{16})\.zip")


@functools.lru_cache
def expanded_once(text):
    template = yaml_parse(text)
    if not template.get("Transform"):
        return template
    defaults = {name: one["Default"] for name, one in template["Parameters"].items() if "Default" in one}
    return transform(template, defaults, NoManagedPolicies())


def expanded(text):
    """A template as CloudFormation would create it. Expanding takes seconds, so templates that differ in digests of
    packages alone are expanded together."""
    digests = dict(KEY.findall(text))
    once = json.dumps(expanded_once(KEY.sub(r"lanyard/\1-DIGEST.zip", text)))
    return json.loads(re.sub(r"lanyard/([a-z-]+)-DIGEST", lambda key: f"lanyard/{key[1]}-{digests[key[1]]}", once))


def parse_change_set(change_set):
    change_set.template_dict = conditioned(expanded(change_set.template), change_set.parameters)


def conditioned(template, parameters):
    """Leaves resources and outputs whose condition holds. moto keeps the others and creates them on an update."""
    values = {name: one.get("Default") for name, one in template["Parameters"].items()} | parameters

    def value(of):
        return str(values[of["Ref"]] if isinstance(of, dict) else of)

    def holds(condition):
        if isinstance(condition, str):
            return holds(template["Conditions"][condition])
        [(kind, parts)] = condition.items()
        if kind == "Condition":
            return holds(parts)
        if kind == "Fn::Equals":
            return value(parts[0]) == value(parts[1])
        if kind == "Fn::Not":
            return not holds(parts[0])
        return {"Fn::And": all, "Fn::Or": any}[kind](map(holds, parts))

    for part in ("Resources", "Outputs"):
        template[part] = {name: one for name, one in template[part].items()
                          if "Condition" not in one or holds(one["Condition"])}
    return template


def apply(change_set):
    """Makes the changes. moto forgets description, parameters and outputs of a stack that a change set creates."""
    stack = change_set.stack
    stack.resource_map.update(change_set.template_dict, change_set.parameters)
    stack.template, stack.template_dict = change_set.template, change_set.template_dict
    stack.parameters = dict(stack.resource_map.resolved_parameters)
    stack.description = change_set.template_dict["Description"]
    stack.output_map = stack._create_output_map()


def without_no_value(clean):
    """CloudFormation removes AWS::NoValue from lists; moto leaves a null."""
    def cleaned(value, resources):
        result = clean(value, resources)
        return [each for each in result if each is not None] if isinstance(result, list) else result
    return cleaned


def kept(update):
    """A resource of a type that moto cannot update stays as it was; moto forgets it."""
    def updated(logical_id, json, resources, **place):
        return update(logical_id, json, resources, **place) or resources[logical_id]
    return updated


def with_body(create):
    """An API has the routes of its body; moto reads them only when they are imported by a call."""
    def created(cls, name, json, account_id, region_name, **more):
        api = create(cls, name, json, account_id, region_name, **more)
        backend = api_gateway.apigateway_backends[account_id][region_name]
        backend.put_rest_api(api.id, json["Properties"]["Body"], False)
        return api
    return classmethod(created)


cloudformation.Stack.parse_template = staticmethod(expanded)
cloudformation.ChangeSet._parse_template = parse_change_set
cloudformation.ChangeSet.apply = apply
parsing.parse_and_update_resource = kept(parsing.parse_and_update_resource)
parsing.clean_json = without_no_value(parsing.clean_json)
api_gateway.RestAPI.create_from_cloudformation_json = with_body(
    api_gateway.RestAPI.create_from_cloudformation_json.__func__)


class Silent(WSGIRequestHandler):
    def log_request(self, code="-", size="-"):
        pass


class Organisers:
    """The organisers' function. moto runs functions in containers only, so this one responds in its place, as
    shared/administration/src/direct.rs does: it lists tokens, and makes them."""

    def __init__(self, application):
        self.application = application
        self.tokens = []

    def __call__(self, environ, start_response):
        path = environ["PATH_INFO"]
        if not path.endswith("/invocations"):
            return self.application(environ, start_response)
        call = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        start_response("200 OK", [("Content-Type", "application/json")])
        assert path.split("/")[-2].endswith("-admin"), path
        if call == {"method": "GET", "path": "/tokens"}:
            return self.respond(200, {"tokens": [{"name": "main"} for _ in self.tokens], "next": None})
        assert call == {"method": "POST", "path": "/organisers", "body": {"name": "main"}}, call
        self.tokens.append(f"lanyard_{len(self.tokens) + 1}")
        return self.respond(201, {"organiser": "main", "token": self.tokens[-1]})

    @staticmethod
    def respond(status, body):
        return [json.dumps({"status": status, "body": body}).encode()]


class Cloud:
    """The server, while a `with` lasts. Port 0 is a free one."""

    def __init__(self, port=0):
        self.port = port

    def __enter__(self):
        self.organisers = Organisers(DomainDispatcherApplication(create_backend_app))
        self.server = make_server("127.0.0.1", self.port, self.organisers, threaded=True, request_handler=Silent)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.port}"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
